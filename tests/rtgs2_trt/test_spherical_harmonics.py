import math

import numpy as np
import pytest

from rtgs2_trt.orientation import orientation
from rtgs2_trt.quaternions import matrix_from_quaternion, quaternion_from_matrix, rotate_quaternions
from rtgs2_trt.spherical_harmonics import rotate_sh, sh_basis


def unit_vectors(count, size=3, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(count, size))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def rotations():
    turns = [matrix_from_quaternion(q) for q in unit_vectors(5, 4)]
    return turns + [orientation(up) for up in ("x", "-x", "y", "-y", "z", "-z")]


def test_signs_and_constants_of_3dgs():
    x, y, z = 0.48, -0.6, 0.64
    found = sh_basis((x, y, z), 3)
    assert found[0] == pytest.approx(0.28209479177387814)
    np.testing.assert_allclose(found[1:4], 0.4886025119029199 * np.array([-y, z, -x]))
    constants = [1.0925484305920792, -1.0925484305920792, 0.31539156525252005, -1.0925484305920792, 0.5462742152960396]
    np.testing.assert_allclose(
        found[4:9], np.multiply(constants, [x * y, y * z, 2 * z * z - x * x - y * y, x * z, x * x - y * y])
    )
    constants = [-0.5900435899266435, 2.890611442640554, -0.4570457994644658, 0.3731763325901154]
    constants += [-0.4570457994644658, 1.445305721320277, -0.5900435899266435]
    polynomials = [
        y * (3 * x * x - y * y),
        x * y * z,
        y * (4 * z * z - x * x - y * y),
        z * (2 * z * z - 3 * x * x - 3 * y * y),
        x * (4 * z * z - x * x - y * y),
        z * (x * x - y * y),
        x * (x * x - 3 * y * y),
    ]
    np.testing.assert_allclose(found[9:], np.multiply(constants, polynomials))


def test_basis_is_orthonormal():
    nodes, weights = np.polynomial.legendre.leggauss(8)
    angles = np.arange(16) * math.pi / 8
    z, angle = np.meshgrid(nodes, angles, indexing="ij")
    radius = np.sqrt(1 - z * z)
    values = sh_basis(np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=-1), 3)
    products = np.einsum("z,zai,zaj->ij", weights * math.pi / 8, values, values)
    np.testing.assert_allclose(products, np.eye(16), atol=1e-12)


@pytest.mark.parametrize("degree", [-1, 4])
def test_degrees_beyond_3dgs(degree):
    with pytest.raises(ValueError, match=f"degree {degree}: .* 0 to 3"):
        sh_basis(np.zeros((1, 3)), degree)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rotated_colours_follow_the_directions(degree, dtype):
    coefficients = np.random.default_rng(degree).normal(size=(7, (degree + 1) ** 2, 3)).astype(dtype)
    directions = unit_vectors(100, seed=1)
    before = np.einsum("dk,nkc->ndc", sh_basis(directions, degree), coefficients)
    for rotation in rotations():
        rotated = rotate_sh(coefficients, rotation)
        assert rotated.dtype == dtype
        after = np.einsum("dk,nkc->ndc", sh_basis(directions @ rotation.T, degree), rotated)
        # Rounding of up to 16 products of size about 3 each.
        np.testing.assert_allclose(after, before, atol=64 * np.finfo(dtype).eps)


def test_identity_leaves_the_coefficients_alone():
    coefficients = np.random.default_rng(0).normal(size=(2, 16, 3)).astype(np.float32)
    assert rotate_sh(coefficients, np.eye(3)) is coefficients


def test_quaternions():
    for rotation in rotations():
        np.testing.assert_allclose(matrix_from_quaternion(quaternion_from_matrix(rotation)), rotation, atol=1e-14)
    quaternions = unit_vectors(9, 4, seed=2).astype(np.float32)
    rotation = rotations()[0]
    for before, after in zip(quaternions, rotate_quaternions(rotation, quaternions), strict=True):
        np.testing.assert_allclose(
            matrix_from_quaternion(after.astype(float)),
            rotation @ matrix_from_quaternion(before.astype(float)),
            atol=1e-6,
        )
