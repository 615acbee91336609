"""Semantic segmentation of 3D Gaussian Splatting scenes with RT-GS2 networks.

The usual way::

    from rtgs2_trt import Camera, Segmenter

    segmenter = Segmenter("model.rtgs2")
    scene = segmenter.load("room.ply")
    result = segmenter(scene, Camera.look_at(eye, target))
"""

from . import _core  # noqa: F401  before all that needs the core
from .bundle import Bundle, Manifest
from .camera import Camera
from .camera_files import load_cameras, save_cameras
from .classes import ClassTable, SemanticClass, load_class_table
from .errors import (
    BackendError,
    BundleError,
    CameraError,
    CheckpointError,
    ClassTableError,
    DatasetError,
    InputError,
    Rtgs2Error,
    SceneError,
    StreamClosedError,
)
from .geometry_plan import GeometryPlan, build_geometry_plan
from .instruction_sets import forced_instruction_set, instruction_set, instruction_sets
from .label_stream import LabelStream, StreamedLabels, StreamStatistics
from .lift import Lifted, lift
from .rasterize import Rendering, rasterize
from .scene import Scene
from .segmenter import Segmentation, Segmenter
from .upsample_argmax import upsample_argmax
from .upsample_softmax import upsample_softmax

__all__ = [
    "BackendError",
    "Bundle",
    "BundleError",
    "Camera",
    "CameraError",
    "CheckpointError",
    "ClassTable",
    "ClassTableError",
    "DatasetError",
    "GeometryPlan",
    "InputError",
    "LabelStream",
    "Lifted",
    "Manifest",
    "Rendering",
    "Rtgs2Error",
    "Scene",
    "SceneError",
    "Segmentation",
    "Segmenter",
    "SemanticClass",
    "StreamClosedError",
    "StreamStatistics",
    "StreamedLabels",
    "build_geometry_plan",
    "forced_instruction_set",
    "instruction_set",
    "instruction_sets",
    "lift",
    "load_cameras",
    "load_class_table",
    "rasterize",
    "save_cameras",
    "upsample_argmax",
    "upsample_softmax",
]
