"""Walk through a scene and record what is labelled, for Rerun: the camera's way, its pictures and labels, the latency.

pip install rerun-sdk
python examples/rerun_labels.py BUNDLE SCENE walk.rrd [POSES]
rerun walk.rrd
"""

from __future__ import annotations

import sys
import time

import numpy as np
import rerun as rr

from rtgs2_trt import Scene, Segmenter, StreamedLabels
from rtgs2_trt.camera_paths import orbit_of_scene
from rtgs2_trt.spherical_harmonics import DC_FACTOR

POSES_A_SECOND = 20
MOST_POINTS = 50_000


def log_world(scene: Scene, segmenter: Segmenter) -> None:
    """Log what does not change: axes, the names and colours of the classes, a sample of the Gaussians."""
    rr.log("world", rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
    classes = [
        (index, name, color)
        for index, (name, color) in enumerate(zip(segmenter.classes.names, segmenter.classes.colors, strict=True))
    ]
    rr.log(
        "world/camera",
        rr.AnnotationContext([rr.AnnotationInfo(id=i, label=n, color=c) for i, n, c in classes]),
        static=True,
    )
    sample = slice(None, None, max(1, len(scene) // MOST_POINTS))
    colors = np.clip(scene.sh[sample, 0] * DC_FACTOR + 0.5, 0, 1)
    rr.log(
        "world/scene", rr.Points3D(scene.means[sample], colors=(255 * colors).astype(np.uint8), radii=0.01), static=True
    )


def log_labels(labels: StreamedLabels) -> None:
    """Log one result; the stream calls it in its own thread."""
    camera, result = labels.camera, labels.result
    rr.set_time("pose", sequence=labels.number)
    pose = camera.world_to_camera
    rr.log(
        "world/camera",
        rr.Transform3D(translation=pose[:3, 3], mat3x3=pose[:3, :3], relation=rr.TransformRelation.ChildFromParent),
    )
    lens = [[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]]
    rr.log(
        "world/camera",
        rr.Pinhole(image_from_camera=lens, resolution=[camera.width, camera.height], camera_xyz=rr.ViewCoordinates.RDF),
    )
    picture = (255 * np.clip(result.rgb.transpose(1, 2, 0), 0, 1)).astype(np.uint8)
    rr.log("world/camera/picture", rr.Image(picture))
    rr.log("world/camera/labels", rr.SegmentationImage(result.labels))
    rr.log("latency/milliseconds", rr.Scalars(1000 * labels.latency))


def main() -> int:
    """Walk the orbit once."""
    if len(sys.argv) not in (4, 5):
        print(__doc__, file=sys.stderr)
        return 2
    bundle, scene_file, recording = sys.argv[1:4]
    poses = int(sys.argv[4]) if len(sys.argv) == 5 else 100
    rr.init("rtgs2_labels")
    rr.save(recording)
    segmenter = Segmenter(bundle)
    scene = segmenter.load(scene_file)
    log_world(scene, segmenter)
    with segmenter.label_stream(scene, log_labels, rgb=True) as stream:
        for camera in orbit_of_scene(scene, poses, width=320, height=240).values():
            stream.submit(camera)
            time.sleep(1 / POSES_A_SECOND)
    told = stream.statistics()
    latency = f"latency {1000 * told.latency_median:.0f} ms"
    print(f"{told.labelled} of {told.submitted} poses labelled, {latency}: rerun {recording}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
