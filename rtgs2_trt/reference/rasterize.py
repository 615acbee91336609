"""Reference of the rasteriser in float64: one Gaussian after the other, front to back, over whole rectangles of pixels.

3D Gaussian Splatting (Kerbl et al. 2023) with EWA projection (Zwicker et al. 2001), features blended by the same
weights as colour.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rtgs2_trt.camera import Camera
from rtgs2_trt.rasterize import GaussianArrays

Array = NDArray[np.float64]

NEAR_PLANE = 0.2
FRUSTUM_MARGIN = 0.15
SCREEN_BLUR = 0.3
TILE_SIZE = 16
MOST_ALPHA = 0.99
LEAST_ALPHA = 1 / 255
LEAST_TRANSMITTANCE = 1e-4


def rasterize_reference(
    scene: GaussianArrays,
    camera: Camera,
    features: ArrayLike | None = None,
    *,
    background: Sequence[float] = (0.0, 0.0, 0.0),
) -> tuple[Array, Array, Array, Array]:
    """Draw `scene`; arguments as in :func:`rtgs2_trt.rasterize.rasterize`, all values finite.

    Returns:
        rgb (3, H, W), features (D, H, W), alpha (H, W) and depth (H, W).
    """
    means = np.asarray(scene.means, dtype=np.float64)
    sh = np.asarray(scene.sh, dtype=np.float64)
    drawn = scene.features if features is None else features
    blended = np.zeros((len(means), 0)) if drawn is None else np.asarray(drawn, dtype=np.float64)
    depths = means @ camera.world_to_camera[2, :3] + camera.world_to_camera[2, 3]

    channels = 3 + blended.shape[1] + 1
    sums = np.zeros((camera.height, camera.width, channels))
    covered = np.zeros((camera.height, camera.width))
    for i, rectangle, weights in splatting_weights(scene, camera):
        colour = sh_colour(sh[i], (means[i] - camera.position) / np.linalg.norm(means[i] - camera.position))
        values = np.concatenate([colour, blended[i], depths[i, None]])
        sums[rectangle] += weights[..., None] * values
        covered[rectangle] += weights

    planes = np.moveaxis(sums, -1, 0)
    rgb = planes[:3] + (1 - covered) * np.asarray(background, dtype=np.float64)[:, None, None]
    return rgb, planes[3:-1], covered, planes[-1]


def splatting_weights(scene: GaussianArrays, camera: Camera) -> Iterator[tuple[int, tuple[slice, slice], Array]]:
    """Yield the Gaussians that are drawn, from near to far: index, rows and columns, and its weights at these pixels.

    A weight is alpha times the transmittance before it, 0 where the Gaussian does not count.
    """
    means, scales, rotations, opacities = (
        np.asarray(values, dtype=np.float64) for values in (scene.means, scene.scales, scene.rotations, scene.opacities)
    )
    views = means @ camera.world_to_camera[:3, :3].T + camera.world_to_camera[:3, 3]
    transmittance = np.ones((camera.height, camera.width))
    alive = np.ones((camera.height, camera.width), dtype=bool)
    for i in np.argsort(views[:, 2], kind="stable"):
        if views[i, 2] <= NEAR_PLANE:
            continue
        x, y = project_point(camera, views[i])
        covariance = screen_covariance(camera, views[i], scales[i], rotations[i])
        rectangle = pixel_rectangle(camera, x, y, covariance)
        rows, columns = np.mgrid[rectangle]
        offsets = np.stack([x - columns, y - rows], axis=-1)
        power = -0.5 * np.einsum("hwi,ij,hwj->hw", offsets, np.linalg.inv(covariance), offsets)
        alpha = np.minimum(MOST_ALPHA, opacities[i] * np.exp(power))

        before = transmittance[rectangle]
        after = before * (1 - alpha)
        counts = alive[rectangle] & (alpha >= LEAST_ALPHA)
        alive[rectangle] &= ~(counts & (after < LEAST_TRANSMITTANCE))
        counts &= alive[rectangle]
        yield int(i), rectangle, np.where(counts, alpha * before, 0.0)
        transmittance[rectangle] = np.where(counts, after, before)


def project_point(camera: Camera, view: Array) -> tuple[float, float]:
    """Pixel index coordinates of a point in view space; pixel centres lie at +0.5 in the image."""
    x, y, z = view
    return camera.fx * x / z + camera.cx - 0.5, camera.fy * y / z + camera.cy - 0.5


def screen_covariance(camera: Camera, view: Array, scales: Array, rotation: Array) -> Array:
    """(2, 2) covariance on the screen, pixels^2: J W Sigma W^T J^T + blur.

    J is the Jacobian of the projection, taken at the Gaussian's direction limited to the frustum and a margin.
    """
    x, y, z = view
    x_over_z = np.clip(
        x / z,
        (-camera.cx - FRUSTUM_MARGIN * camera.width) / camera.fx,
        (camera.width - camera.cx + FRUSTUM_MARGIN * camera.width) / camera.fx,
    )
    y_over_z = np.clip(
        y / z,
        (-camera.cy - FRUSTUM_MARGIN * camera.height) / camera.fy,
        (camera.height - camera.cy + FRUSTUM_MARGIN * camera.height) / camera.fy,
    )
    jacobian = np.array(
        [[camera.fx / z, 0.0, -camera.fx * x_over_z / z], [0.0, camera.fy / z, -camera.fy * y_over_z / z]]
    )
    axes = rotation_matrix(rotation)
    sigma = axes @ np.diag(scales**2) @ axes.T
    to_screen = jacobian @ camera.world_to_camera[:3, :3]
    covariance: Array = to_screen @ sigma @ to_screen.T + SCREEN_BLUR * np.eye(2)
    return covariance


def rotation_matrix(quaternion: Array) -> Array:
    """(3, 3) rotation of a quaternion w, x, y, z, normalised here."""
    w, x, y, z = quaternion / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


def pixel_rectangle(camera: Camera, x: float, y: float, covariance: Array) -> tuple[slice, slice]:
    """Rows and columns of the whole tiles that a square around (x, y) touches: the only pixels that are drawn."""
    half_trace = np.trace(covariance) / 2
    longer_variance = half_trace + np.sqrt(max(0.1, half_trace**2 - np.linalg.det(covariance)))
    radius = np.ceil(3 * np.sqrt(longer_variance))

    def pixels(centre: float, size: int) -> slice:
        tiles = -(-size // TILE_SIZE)
        first = np.clip(np.trunc((centre - radius) / TILE_SIZE), 0, tiles)
        last = np.clip(np.trunc((centre + radius + TILE_SIZE - 1) / TILE_SIZE), 0, tiles)
        return slice(min(int(first) * TILE_SIZE, size), min(int(last) * TILE_SIZE, size))

    return pixels(y, camera.height), pixels(x, camera.width)


def sh_colour(sh: Array, direction: Array) -> Array:
    """(3,) colour of (K, 3) coefficients along the unit `direction` from the camera, not below 0."""
    colour: Array = np.maximum(sh_basis(direction)[: len(sh)] @ sh + 0.5, 0.0)
    return colour


def sh_basis(direction: Array) -> Array:
    """(16,) real spherical harmonics of degree 0 to 3, with the signs of 3D Gaussian Splatting."""
    x, y, z = direction
    return np.array(
        [
            np.sqrt(1 / (4 * np.pi)),
            -np.sqrt(3 / (4 * np.pi)) * y,
            np.sqrt(3 / (4 * np.pi)) * z,
            -np.sqrt(3 / (4 * np.pi)) * x,
            np.sqrt(15 / (4 * np.pi)) * x * y,
            -np.sqrt(15 / (4 * np.pi)) * y * z,
            np.sqrt(5 / (16 * np.pi)) * (2 * z**2 - x**2 - y**2),
            -np.sqrt(15 / (4 * np.pi)) * x * z,
            np.sqrt(15 / (16 * np.pi)) * (x**2 - y**2),
            -np.sqrt(35 / (32 * np.pi)) * y * (3 * x**2 - y**2),
            np.sqrt(105 / (4 * np.pi)) * x * y * z,
            -np.sqrt(21 / (32 * np.pi)) * y * (4 * z**2 - x**2 - y**2),
            np.sqrt(7 / (16 * np.pi)) * z * (2 * z**2 - 3 * x**2 - 3 * y**2),
            -np.sqrt(21 / (32 * np.pi)) * x * (4 * z**2 - x**2 - y**2),
            np.sqrt(105 / (16 * np.pi)) * z * (x**2 - y**2),
            -np.sqrt(35 / (32 * np.pi)) * x * (x**2 - 3 * y**2),
        ]
    )
