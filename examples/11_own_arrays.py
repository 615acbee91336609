"""Gaussians from arrays of your own, drawn without any network: colour, coverage, depth, and values of your own.

python examples/11_own_arrays.py PICTURE.png
"""

import sys

import numpy as np

from rtgs2_trt import Camera, Scene, rasterize
from rtgs2_trt.pictures import save_image, to_picture

if len(sys.argv) != 2:
    sys.exit(__doc__)
(picture,) = sys.argv[1:]

# A ball of 5000 flat Gaussians on its surface, coloured by their direction. Metres, z up.
rng = np.random.default_rng(0)
normals = rng.standard_normal((5000, 3))
normals /= np.linalg.norm(normals, axis=1, keepdims=True)
half = np.cross([0.0, 0.0, 1.0], normals)  # quaternion that turns z into the normal: (1 + cos, axis sin), normalised
rotations = np.concatenate([1 + normals[:, 2:], half], axis=1)
rotations[np.linalg.norm(rotations, axis=1) < 1e-6] = (0, 1, 0, 0)
colour = 0.5 + 0.5 * normals
scene = Scene(
    means=0.5 * normals,
    scales=np.tile([0.02, 0.02, 0.002], (5000, 1)),
    rotations=rotations,
    opacities=np.full(5000, 0.9),
    sh=((colour - 0.5) / 0.28209479)[:, None],  # the constant of spherical harmonics
)

camera = Camera.look_at(eye=(1.5, -1.0, 0.8), target=(0, 0, 0), width=256, height=256, fov_degrees=45)
height = scene.means[:, 2:]  # any numbers a Gaussian are blended as colours are
view = rasterize(scene, camera, features=height, background=(1, 1, 1))

covered = view.alpha > 0.5
depth = view.depth[covered] / view.alpha[covered]
print(f"{covered.mean():.0%} of the picture covered, {depth.min():.2f} to {depth.max():.2f} m away")
print(f"heights {view.features[0][covered].min():.2f} to {view.features[0][covered].max():.2f} m")
save_image(picture, to_picture(view.rgb))
