"""Writes the committed corpora, fuzz/corpus/TARGET/: small valid files of every kind and the usual lies about them.

python fuzz/make_corpus.py
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import shutil
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper

from fuzz_bundles import CLASSES, FEATURES, manifest
from fuzz_colmap import pack
from fuzz_common import CORPUS
from fuzz_engine import KEY
from fuzz_golden import MEMBERS
from fuzz_graph import ENCODER, FUSION
from rtgs2_trt import Camera, Scene, save_cameras

BASE = ("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", *(f"scale_{i}" for i in range(3)))
ROTATION = tuple(f"rot_{i}" for i in range(4))
POSE = [[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]]


def main() -> None:
    shutil.rmtree(CORPUS, ignore_errors=True)
    makers = {
        "ply": ply,
        "scene_files": scene_files,
        "sog_meta": sog_meta,
        "scene_checkpoint": scene_checkpoint,
        "cameras_json": cameras_json,
        "camera_info": camera_info,
        "colmap": colmap,
        "checkpoint": checkpoint,
        "research_checkpoint": research_checkpoint,
        "manifest": manifests,
        "golden": golden,
        "class_table": class_table,
        "class_map": class_map,
        "gaussian_labels": gaussian_labels,
        "graph": graph,
        "dataset": dataset,
        "label_image": label_image,
        "engine": engine,
    }
    for target, make in makers.items():
        (CORPUS / target).mkdir(parents=True)
        for name, data in make():
            (CORPUS / target / name).write_bytes(data)


def ply() -> Iterator[tuple[str, bytes]]:
    def header(format_: str, names: tuple[str, ...], count: object, kind: str = "float", extra: str = "") -> bytes:
        lines = "".join(f"property {kind} {name}\n" for name in names)
        return f"ply\nformat {format_} 1.0\n{extra}element vertex {count}\n{lines}end_header\n".encode()

    def rows(names: tuple[str, ...], kind: str = "<f4") -> bytes:
        values = np.random.default_rng(0).normal(size=(3, len(names)))
        return values.astype(kind).tobytes()

    names = BASE + ROTATION
    rest = (*BASE, *(f"f_rest_{i}" for i in range(9)), *ROTATION)
    encoded = (*names, "f_pc_0", "f_pc_1")
    little, big, ascii_ = "binary_little_endian", "binary_big_endian", "ascii"
    text = b"0 0 1 .1 .2 .3 2 -3 -3 -3 1 0 0 0\n"
    yield "property_of_one_word", b"ply\nformat ascii 1.0\nelement vertex 1\nproperty\nend_header\n"
    yield "little", header(little, names, 3) + rows(names)
    yield "big_doubles", header(big, names, 3, "double") + rows(names, ">f8")
    yield "degree_1", header(little, rest, 3) + rows(rest)
    comment = "comment rtgs2_encoder " + "ab" * 32 + "\n"
    yield "encoded", header(little, encoded, 3, extra=comment) + rows(encoded)
    yield "ascii", header(ascii_, names, 2) + 2 * text
    yield "ascii_nan", header(ascii_, names, 2) + text + text.replace(b"-3", b"nan", 1)
    yield "infinite", header(little, names, 1) + struct.pack("<14f", *[float("inf")] * 14)
    faces = "element face 1\nproperty list uchar int vertex_indices\n"
    yield "mesh_first", header(ascii_, names, 1, extra=faces) + b"3 0 0 0\n" + text
    yield "zero", header(little, names, 0)
    yield "negative", header(little, names, -1)
    yield "gigantic", header(little, names, 10**17) + rows(names)
    yield "not_a_number", header(little, names, "many")
    yield "no_end", header(little, names, 3)[:-11]
    yield "truncated", header(little, names, 3) + rows(names)[:-5]
    yield "twice", header(little, (*names, "x"), 1)
    yield "crlf", (header(ascii_, names, 1) + text).replace(b"\n", b"\r\n")
    yield "unknown_format", header("binary_middle_endian", names, 1)


def scene_files() -> Iterator[tuple[str, bytes]]:
    rng = np.random.default_rng(0)
    scene = Scene(
        means=rng.normal(size=(5, 3)),
        scales=rng.uniform(0.01, 1, (5, 3)),
        rotations=rng.normal(size=(5, 4)),
        opacities=rng.uniform(0, 1, 5),
        sh=rng.normal(size=(5, 4, 3)) / 4,
    )
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for kind in ("compressed-ply", "splat", "spz", "sog"):
            scene.save(Path(folder) / kind, kind)  # type: ignore[arg-type]
            files[kind] = (Path(folder) / kind).read_bytes()
    yield from files.items()
    compressed = files["compressed-ply"]
    yield "compressed_truncated", compressed[:-5]
    yield (
        "compressed_gigantic",
        compressed.replace(b"vertex 5", b"vertex 99999999999").replace(b"sh 5", b"sh 99999999999"),
    )
    yield "compressed_other_type", compressed.replace(b"uint packed_scale", b"float packed_scale")
    unpacked = gzip.decompress(files["spz"])
    yield "spz_unpacked", unpacked
    yield "spz_version_1", unpacked[:4] + struct.pack("<I", 1) + unpacked[8:]
    yield "spz_version_2", unpacked[:4] + struct.pack("<I", 2) + unpacked[8:]
    yield "spz_gigantic", unpacked[:8] + b"\xff" * 4 + unpacked[12:]
    yield "spz_degree_4", unpacked[:12] + b"\x04" + unpacked[13:] + bytes(400)
    yield "spz_table", struct.pack("<4sIIBBBBI12x", b"NGSP", 4, 5, 1, 12, 0, 6, 32) + struct.pack("<QQ", 9, 45) * 6
    yield "sog_half", files["sog"][:500]


def sog_meta() -> Iterator[tuple[str, bytes]]:
    book = [0.01 * i for i in range(256)]
    good: dict[str, Any] = {"version": 2, "count": 90, "quats": {"files": ["quats.webp"]}}
    means = {"mins": [-1, -1, 0], "maxs": [1, 1, 1.5]}
    good["means"] = {**means, "files": ["means_l.webp", "means_u.webp"]}
    good["scales"] = {"codebook": [v - 5 for v in book], "files": ["scales.webp"]}
    good["sh0"] = {"codebook": book, "files": ["sh0.webp"]}
    harmonics = {"files": ["shN_centroids.webp", "shN_labels.webp"]}
    good["shN"] = {"count": 70, "bands": 1, "codebook": book, **harmonics}
    first = {key: value for key, value in good.items() if key not in ("version", "count")}
    first["means"] = {**good["means"], "shape": [90, 3]}
    first["scales"] = {"mins": [-5] * 3, "maxs": [-2] * 3, "files": ["scales.webp"]}
    first["sh0"] = {"mins": [-1] * 4, "maxs": [1] * 4, "files": ["sh0.webp"]}
    first["shN"] = {"mins": -1, "maxs": 1, **harmonics}
    yield "good", json.dumps(good).encode()
    yield "version_1", json.dumps(first).encode()
    yield "lost_value", json.dumps(good | {"sh0": {"codebook": [None, *book[1:]], "files": ["sh0.webp"]}}).encode()
    yield "outside", json.dumps(good | {"quats": {"files": ["../../etc/passwd"]}}).encode()
    yield "zero_byte", json.dumps(good | {"quats": {"files": ["a\0b"]}}).encode()
    yield "half_surrogate", json.dumps(good | {"quats": {"files": ["\ud800"]}}).encode()
    yield "itself", json.dumps(good | {"quats": {"files": ["meta.json"]}}).encode()
    yield "gigantic", json.dumps(good | {"count": 10**400}).encode()
    yield "huge_limits", json.dumps(good | {"means": {**good["means"], "maxs": [10**400, 1e39, 300]}}).encode()
    yield "deep", b'{"means":' * 3000


def scene_checkpoint() -> Iterator[tuple[str, bytes]]:
    means, quats = torch.ones(4, 3), torch.ones(4, 4)
    splats = {"means": means, "scales": means, "quats": quats, "opacities": torch.ones(4)}
    splats |= {"sh0": torch.ones(4, 1, 3), "shN": torch.ones(4, 3, 3)}
    prefix = "_model.gauss_params."
    pipeline = {f"{prefix}{key}": splats[key] for key in ("means", "scales", "quats")}
    pipeline |= {f"{prefix}opacities": torch.ones(4, 1), f"{prefix}features_dc": means}
    pipeline |= {f"{prefix}features_rest": torch.ones(4, 3, 3)}
    yield "gsplat", _pickle({"step": 1, "splats": splats})
    yield "nerfstudio", _pickle({"step": 1, "pipeline": pipeline})
    yield "no_tensors", _pickle({"splats": {"means": [1, 2, 3]}})
    yield "expanded", _pickle({"splats": splats | {"means": torch.ones(1, 1).expand(1 << 40, 3)}})
    yield "other_counts", _pickle({"splats": splats | {"quats": torch.ones(3, 4)}})
    yield "code", pickle.dumps(print)


def cameras_json() -> Iterator[tuple[str, bytes]]:
    camera = Camera.look_at((1, 2, 3), (0, 0, 0), width=40, height=30)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cameras.json"
        save_cameras(file, {"a": camera, "b": camera.padded(32)})
        splatting = file.read_bytes()
    frame = {"file_path": "images/a.png", "transform_matrix": POSE}
    nerfstudio: dict[str, Any] = {"fl_x": 30, "fl_y": 31, "cx": 20, "cy": 15, "w": 40, "h": 30, "k1": 0}
    nerfstudio |= {"camera_model": "OPENCV", "frames": [frame]}
    by_angle = {"camera_angle_x": 1.2, "w": 40, "h": 30, "frames": [frame, frame | {"file_path": "b/a.png"}]}
    yield "3dgs", splatting
    yield "nerfstudio", json.dumps(nerfstudio).encode()
    yield "by_angle", json.dumps(by_angle).encode()
    yield "huge_focal", json.dumps(nerfstudio | {"fl_x": 10**400}).encode()
    yield "zero_focal", json.dumps(nerfstudio | {"fl_x": 0}).encode()
    yield "nan", splatting.replace(b"0.0", b"NaN", 1)
    yield "no_rotation", splatting.replace(b"[[", b"[[1", 1)
    yield "deep", b"[" * 3000
    yield "empty", b"[]"


def camera_info() -> Iterator[tuple[str, bytes]]:
    message = "height: 48\nwidth: 64\nd: [0, 0]\nk: [50, 0, 31.5, 0, 51, 23.5, 0, 0, 1]\n"
    message += "p: [49, 0, 31, 0, 0, 49, 23, 0, 0, 0, 1, 0]\n"
    matrix = "camera_matrix:\n  rows: 3\n  cols: 3\n  data: [50, 0, 31.5, 0, 51, 23.5, 0, 0, 1]\n"
    yield "message", message.encode()
    yield "messages", f"{message}---\n{message}".encode()
    yield "calibration", f"image_width: 64\nimage_height: 48\n{matrix}".encode()
    yield "distorted", message.replace("d: [0, 0]", "d: [0.1, .nan]").encode()
    yield "aliases", b"k: &a [*a, *a]"
    yield "aliases_again", b"a: &a [1]\nb: &b [*a, *a]\nk: [*b, *b]"
    yield "deep", b"k: " + b"[" * 3000
    yield "huge_number", message.replace("50", "9" * 400).encode()
    yield "date", b"width: 2001-99-99"
    yield "nothing", b"---\n"


def gaussian_labels() -> Iterator[tuple[str, bytes]]:
    def file(format_: str, ids: list[float], confidences: list[float], kind: str = "int") -> bytes:
        properties = f"property {kind} class_id\nproperty float confidence\nend_header\n"
        header = f"ply\nformat {format_} 1.0\nelement vertex {len(ids)}\n{properties}".encode()
        if format_ == "ascii":
            return header + "".join(f"{i} {c}\n" for i, c in zip(ids, confidences, strict=True)).encode()
        return header + b"".join(struct.pack("<if", int(i), c) for i, c in zip(ids, confidences, strict=True))

    def table(**changes: Any) -> bytes:
        entries = [{"index": i, "id": 3 + i, "name": f"c{i}", "color": [i, 0, 0]} for i in range(2)]
        values = {"format": "rtgs2-gaussian-labels/1", "unknown_id": 255, "classes": {"name": "two", "table": entries}}
        return json.dumps(values | changes).encode() + b"\0"

    good = file("binary_little_endian", [3, 4, 255], [0.5, 1, 0])
    yield "good", table() + good
    yield "ascii", table() + file("ascii", [3, 4], [0.5, 1])
    yield "foreign_id", table() + file("binary_little_endian", [3, -7], [0.5, 1])
    yield "half_an_id", table() + file("ascii", [3.5], [0.5], "float")
    yield "huge_id", table() + file("ascii", [1e30], [0.5], "double")
    yield "nan", table() + file("ascii", [3], [float("nan")])
    yield "sure_beyond_doubt", table() + file("ascii", [3], [2])
    yield "short", table() + good[:-3]
    yield "no_scene", table()
    yield "no_table", b"\0" + good
    yield "unknown_is_a_class", table(unknown_id=3) + good
    yield "huge_unknown", table(unknown_id=10**400) + good
    yield "no_classes", table(classes={"name": "none", "table": []}) + good
    yield "deep", b"[" * 5000 + b"\0" + good


def class_map() -> Iterator[tuple[str, bytes]]:
    yield "merge", b"# seats\nchair, sofa -> seat\n7 -> desk\n* -> other\n"
    yield "unknown", b"chair -> unknown\n* -> unknown\n"
    yield "twice", b"chair -> a\n5 -> b\n"
    yield "half_rules", b"chair ->\n-> a\n->\n,->,\n"
    yield "not_text", b"\xff\xfe\x00"
    yield "long", b"chair -> " + b"a" * 5000


def colmap() -> Iterator[tuple[str, bytes]]:
    cameras = struct.pack("<Q", 2) + struct.pack("<IiQQ3d", 1, 0, 40, 30, 50, 20, 15)
    cameras += struct.pack("<IiQQ4d", 7, 1, 40, 30, 50, 51, 20, 15)
    images = struct.pack("<Q", 2)
    for i in range(2):
        images += struct.pack("<I7dI", i + 1, 1, 0, 0, 0, 0.5, 0.5, 2, 7) + f"a{i}.png\0".encode()
        images += struct.pack("<Q", 1) + struct.pack("<ddq", 1.5, 2.5, -1)
    text = b"# list\n1 SIMPLE_PINHOLE 40 30 50 20 15\n7 PINHOLE 40 30 50 51 20 15\n"
    text_images = b"# list\n1 1 0 0 0 .5 .5 2 7 a.png\n1.5 2.5 -1\n2 1 0 0 0 .5 .5 2 1 b.png\n\n"
    yield "binary", pack(cameras, images, binary=True)
    yield "text", pack(text, text_images, binary=False)
    yield "lying_cameras", pack(struct.pack("<Q", 1 << 62) + cameras[8:], images, binary=True)
    yield "lying_images", pack(cameras, struct.pack("<Q", (1 << 64) - 1) + images[8:], binary=True)
    points = images.replace(struct.pack("<Q", 1) + struct.pack("<d", 1.5), struct.pack("<Qd", 1 << 61, 1.5))
    yield "lying_points", pack(cameras, points, binary=True)
    yield "distorted", pack(text.replace(b"PINHOLE 40", b"OPENCV 40"), text_images, binary=False)
    yield "no_quaternion", pack(text, text_images.replace(b" 1 0 0 0 ", b" 0 0 0 0 "), binary=False)


def _pickle(content: object) -> bytes:
    """The pickle inside what torch.save writes."""
    import zipfile

    file = io.BytesIO()
    torch.save(content, file)
    with zipfile.ZipFile(file) as zipped:
        return zipped.read(next(name for name in zipped.namelist() if name.endswith("data.pkl")))


def checkpoint() -> Iterator[tuple[str, bytes]]:
    from rtgs2_networks import config as configuration

    config = configuration.to_dict(configuration.preset("tiny", 2))
    classes = [{"index": i, "id": i, "name": f"c{i}", "color": [i, 0, 0]} for i in range(2)]
    content = {"format": "rtgs2-checkpoint/1", "config": {**config, "classes": classes, "description": "d"}}
    content |= {"encoder": {"embedding.stem.conv.weight": torch.zeros(16)}, "fusion": {}}
    yield "nearly", _pickle(content)
    yield "other_version", _pickle({"format": "rtgs2-checkpoint/2"})
    yield "list", _pickle([1, 2.5, "text", None, {"a": torch.ones(3, 5)}])
    yield "code", pickle.dumps(print)
    absurd = config | {"encoder": config["encoder"] | {"stem_kernel": 10**9}}
    yield "absurd_config", _pickle(content | {"config": {**absurd, "classes": classes}})
    file = io.BytesIO()
    torch.save({"format": 1}, file)
    yield "archive", file.getvalue()
    yield "half_archive", file.getvalue()[:200]


def research_checkpoint() -> Iterator[tuple[str, bytes]]:
    stem = {"module.embedding.stem.conv.weight": torch.zeros(5, 5, 5, 10, 1)}
    yield "stem", _pickle({"model_state_dict": stem})
    yield "classifier", _pickle({"Decoder.linear_pred.weight": torch.zeros(20, 2, 1, 1)})
    yield "numbers_as_names", _pickle({1: torch.zeros(2), (2, 3): 4})
    yield "ours", _pickle({"format": "rtgs2-checkpoint/1"})


def manifests() -> Iterator[tuple[str, bytes]]:
    good = manifest()
    encoder, files = good["encoder"], good["files"]
    yield "good", json.dumps(good).encode()
    yield "newer", json.dumps(good | {"format": "rtgs2-bundle/2"}).encode()
    yield "strange_digit", json.dumps(good | {"format": "rtgs2-bundle/\u00b2"}).encode()
    yield "endless_version", json.dumps(good | {"format": "rtgs2-bundle/" + "9" * 5000}).encode()
    yield "huge_voxel", json.dumps(good | {"encoder": encoder | {"voxel_size": 10**400}}).encode()
    yield "outside", json.dumps(good | {"files": files | {"../../etc/passwd": "0" * 64}}).encode()
    yield "zero_byte_name", json.dumps(good | {"files": files | {"a\0b": "0" * 64}}).encode()
    yield "half_surrogate", json.dumps(good | {"files": files | {"\ud800": "0" * 64}}).encode()
    yield "long_name", json.dumps(good | {"files": files | {"a" * 5000: "0" * 64}}).encode()
    yield "bad_hash", json.dumps(good | {"files": files | {"golden.npz": "0" * 64}}).encode()
    yield "list", b"[]"
    yield "deep", b'{"format":' * 3000
    depth = {"task": "depth", **{name: value for name, value in good.items() if name != "classes"}}
    yield "depth", json.dumps(depth).encode()
    yield "depth_with_classes", json.dumps(good | {"task": "depth"}).encode()
    yield "no_task", json.dumps(good | {"task": ["depth"]}).encode()


def engine() -> Iterator[tuple[str, bytes]]:
    good: dict[str, Any] = {"format": "rtgs2-engine/2", **asdict(KEY), "most_gaussians": 1000, "device_memory": 1}
    encoder = {"most_voxels": 9, "engine_sha256": "", "device_memory": 0, "features_difference": 0.0, "problem": "no"}
    good |= {"engine_sha256": "c" * 64, "self_check": {}, "encoder": encoder}
    yield "good", json.dumps(good).encode()
    yield "newer", json.dumps(good | {"format": "rtgs2-engine/3"}).encode()
    yield "other_tensorrt", json.dumps(good | {"tensorrt": "9" * 5000}).encode()
    yield "other_gpu", json.dumps(good | {"gpu": "\ud800"}).encode()
    yield "huge", json.dumps(good | {"most_gaussians": 10**400}).encode()
    yield "digits", json.dumps(good).encode().replace(b"1000", b"9" * 5000)
    yield "true", json.dumps(good | {"sm": True}).encode()
    yield "no_encoder", json.dumps(good | {"encoder": None}).encode()
    yield "half_an_encoder", json.dumps(good | {"encoder": {"most_voxels": "\ud800"}}).encode()
    yield "list", b"[]"
    yield "deep", b'{"format":' * 3000
    yield "not_text", b"\xff\xfe{}"


def dataset() -> Iterator[tuple[str, bytes]]:
    table = [{"index": i, "id": i + 1, "name": f"c{i}", "color": [i, 0, 0]} for i in range(2)]
    good: dict[str, Any] = {"format": "rtgs2-dataset/1", "name": "d", "classes": {"name": "t", "table": table}}
    good |= {"splits": {"train": ["room"], "test": []}}
    yield "good", json.dumps(good).encode()
    yield "newer", json.dumps(good | {"format": "rtgs2-dataset/2"}).encode()
    yield "outside", json.dumps(good | {"splits": {"train": ["../dataset/room"]}}).encode()
    yield "half_surrogate", json.dumps(good | {"splits": {"train": ["\ud800"]}}).encode()
    yield "twice", json.dumps(good | {"splits": {"train": ["room"], "test": ["room"]}}).encode()
    yield "long_name", json.dumps(good | {"splits": {"train": ["a" * 5000]}}).encode()
    yield "no_table", json.dumps(good | {"classes": {"name": "t", "table": 10**400}}).encode()
    yield "deep", b'{"splits":' * 3000


def label_image() -> Iterator[tuple[str, bytes]]:
    from PIL import Image

    values = np.arange(48).reshape(6, 8)
    for name, dtype, mode in (("8_bits", np.uint8, ""), ("16_bits", np.uint16, ""), ("colour", np.uint8, "RGB")):
        file = io.BytesIO()
        image = Image.fromarray(values.astype(dtype))
        (image.convert(mode) if mode else image).save(file, format="PNG")
        yield name, file.getvalue()
        if name == "16_bits":
            yield "truncated", file.getvalue()[:-30]
            yield "gigantic", file.getvalue().replace(struct.pack(">II", 8, 6), struct.pack(">II", 1 << 30, 1 << 30))
    file = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).convert("P").save(file, format="PNG")
    yield "palette", file.getvalue()
    file = io.BytesIO()
    Image.fromarray((values % 4).astype(np.uint8)).convert("P").save(file, format="PNG", bits=2)
    yield "2_bits", file.getvalue()


def golden() -> Iterator[tuple[str, bytes]]:
    n, height, width = 4, 32, 64
    arrays: dict[str, np.ndarray[Any, Any]] = {
        "means": np.zeros((n, 3), np.float32),
        "scales": np.ones((n, 3), np.float32),
        "rotations": np.tile(np.float32([1, 0, 0, 0]), (n, 1)),
        "opacities": np.ones(n, np.float32),
        "sh": np.zeros((n, 1, 3), np.float32),
        "image_size": np.array([width, height]),
        "intrinsics": np.array([50.0, 50.0, 32.0, 16.0]),
        "world_to_camera": np.eye(4),
        "features": np.zeros((n, FEATURES), np.float32),
        "logits": np.zeros((CLASSES, height // 4, width // 4), np.float32),
    }

    def members(changes: dict[str, np.ndarray[Any, Any]], raw: dict[str, bytes] | None = None) -> bytes:
        data = b""
        for name in MEMBERS:
            file = io.BytesIO()
            np.save(file, (arrays | changes)[name])
            content = (raw or {}).get(name, file.getvalue())
            data += len(content).to_bytes(2, "little") + content
        return data

    def npy(header: str) -> bytes:
        return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode()

    yield "good", members({})
    whole = io.BytesIO()
    np.savez_compressed(whole, **arrays)  # type: ignore[arg-type]
    yield "archive", whole.getvalue()
    encrypted = bytearray(whole.getvalue())
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    yield "encrypted", bytes(encrypted)
    method = bytearray(whole.getvalue())
    place = method.index(b"PK\x01\x02")
    method[place + 10 : place + 12] = (77).to_bytes(2, "little")
    yield "unknown_compression", bytes(method)
    yield "half", whole.getvalue()[:300]
    yield "no_logits", members({"logits": np.zeros(0, np.float32)})
    yield "few_logits", members({"logits": np.zeros((1, 1, 1), np.float32)})
    yield "other_features", members({"features": np.zeros((n + 1, FEATURES), np.float32)})
    yield "size_of_one", members({"image_size": np.array(64)})
    yield "infinite_size", members({"image_size": np.array([np.inf, 3])})
    yield "huge_size", members({"image_size": np.array([16384, 16384])})
    lie = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000, 3), }\n")
    yield "lying_shape", members({}, {"means": lie})
    yield "negative_shape", members({}, {"means": lie.replace(b"(1000000000000, 3)", b"(-1, 3)           ")})
    yield "objects", members({}, {"means": npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }\n") + b"c"})


def class_table() -> Iterator[tuple[str, bytes]]:
    yield "list", b"- {id: 1, name: wall, color: [1, 2, 3]}\n- {id: 2, name: floor}\n- id: 300\n  name: lamp\n"
    yield "mapping", b"1: wall\n2: floor\n300: chair\n"
    yield "twice", b"1: wall\n1: floor\n"
    yield (
        "aliases",
        b"- &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"- &%c [%s]\n" % (98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(8)),
    )
    yield (
        "aliases_as_name",
        b"- id: 1\n  name: "
        + b"[&a [x,x,x,x,x,x,x,x,x]"
        + b"".join(b", &%c [%s]" % (98 + i, b",".join([b"*%c" % (97 + i)] * 9)) for i in range(8))
        + b"]\n",
    )
    yield "recursive", b"&a [*a]\n"
    yield "tag", b"!!python/object/apply:os.system [true]\n"
    yield "huge_id", b"- {id: 1" + b"0" * 5000 + b", name: wall}\n"
    yield "date", b"2024-99-99: wall\n"
    yield "deep", b"[" * 3000
    yield "not_text", bytes(range(128, 256))


def graph() -> Iterator[tuple[str, bytes]]:
    random = np.random.default_rng(0)

    def model(nodes: list[Any], inputs: dict[str, list[Any]], outputs: dict[str, list[Any]], **weights: Any) -> bytes:
        def infos(entries: dict[str, list[Any]]) -> list[Any]:
            return [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in entries.items()]

        tensors = [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
        made = helper.make_model(
            helper.make_graph(nodes, "g", infos(inputs), infos(outputs), tensors),
            opset_imports=[helper.make_opsetid("", 18)],
            ir_version=9,
        )
        return bytes(made.SerializeToString())

    def encoder(*after: Any, features: str = "encoded", **more: list[Any]) -> bytes:
        nodes = [helper.make_node("MatMul", ["inputs", "w"], ["encoded"]), *after]
        nodes.append(helper.make_node("Identity", [features], ["features"]))
        w = random.normal(size=(10, FEATURES)).astype(np.float32)
        weights = {"w": w, "two": np.int64([2]), "zero": np.int64([0]), "all": np.int64([-1])}
        return model(nodes, {"inputs": ["n", 10], **more}, {"features": ["m", FEATURES]}, **weights)

    def fusion(*after: Any, logits: str = "convolved", shape: tuple[Any, ...] = (1, CLASSES, "y", "x")) -> bytes:
        k = random.normal(size=(CLASSES, 3 + FEATURES, 4, 4)).astype(np.float32)
        nodes = [
            helper.make_node("Concat", ["image", "features"], ["both"], axis=1),
            helper.make_node("Conv", ["both", "k"], ["convolved"], kernel_shape=[4, 4], strides=[4, 4]),
            *after,
            helper.make_node("Identity", [logits], ["logits"]),
        ]
        inputs = {"image": [1, 3, "h", "w"], "features": [1, FEATURES, "h", "w"]}
        axis = {"two": np.int64([2]), "zero": np.int64([0])}
        return model(nodes, inputs, {"logits": list(shape)}, k=k, **axis)

    yield "encoder", ENCODER + encoder()
    yield "encoder_half", ENCODER + encoder()[:200]
    yield "encoder_empty", ENCODER
    yield (
        "encoder_few_rows",
        ENCODER + encoder(helper.make_node("Slice", ["encoded", "zero", "two"], ["cut"]), features="cut"),
    )
    yield (
        "encoder_no_rows",
        ENCODER + encoder(helper.make_node("Slice", ["encoded", "zero", "zero"], ["cut"]), features="cut"),
    )
    yield "encoder_nan", ENCODER + encoder(helper.make_node("Sqrt", ["encoded"], ["root"]), features="root")
    yield "encoder_unknown_input", ENCODER + encoder(somewhere=["n", 1])
    yield "encoder_input_of_floats", ENCODER + encoder(stage0_parents=["n"])
    yield "encoder_wants_fusion", ENCODER + fusion()
    yield "fusion", FUSION + fusion()
    yield "fusion_nan", FUSION + fusion(helper.make_node("Log", ["convolved"], ["log"]), logits="log")
    yield (
        "fusion_few_rows",
        FUSION + fusion(helper.make_node("Slice", ["convolved", "zero", "two", "two"], ["cut"]), logits="cut"),
    )
    yield (
        "fusion_few_axes",
        FUSION
        + fusion(
            helper.make_node("ReduceMax", ["convolved", "two"], ["cut"], keepdims=0),
            logits="cut",
            shape=(1, CLASSES, "x"),
        ),
    )
    yield (
        "fusion_no_image",
        FUSION + fusion(helper.make_node("Slice", ["convolved", "zero", "zero", "zero"], ["cut"]), logits="cut"),
    )
    yield "fusion_any_classes", FUSION + fusion(shape=(1, "c", "y", "x"))


if __name__ == "__main__":
    main()
