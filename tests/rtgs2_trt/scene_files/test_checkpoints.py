"""Checkpoints of gsplat and nerfstudio: values, the world that they are taken back to, what is refused."""

import json
import re
import sys
import zipfile

import numpy as np
import pytest

from rtgs2_trt import Camera, SceneError, rasterize
from rtgs2_trt.scene import Scene, SceneFidelityWarning

torch = pytest.importorskip("torch")

COUNT = 40


def trained(degree=2, seed=0):
    """Values as optimisers hold them."""
    rng = np.random.default_rng(seed)
    f32 = lambda *shape: torch.from_numpy(rng.normal(size=shape).astype(np.float32))  # noqa: E731
    rest = (degree + 1) ** 2 - 1
    return {
        "means": f32(COUNT, 3),
        "scales": f32(COUNT, 3) / 4 - 3,
        "quats": f32(COUNT, 4),
        "opacities": f32(COUNT),
        "sh0": f32(COUNT, 1, 3),
        "shN": f32(COUNT, rest, 3) / 5,
    }


def as_scene(values):
    values = {name: value.numpy() for name, value in values.items()}
    return Scene(
        values["means"],
        np.exp(values["scales"]),
        values["quats"],
        1 / (1 + np.exp(-values["opacities"])),
        np.concatenate([values["sh0"], values["shN"]], axis=1),
    )


def splatfacto(values, prefix="_model.gauss_params."):
    names = {"means": "means", "scales": "scales", "quats": "quats"}
    parameters = {names[key]: values[key] for key in names}
    parameters["opacities"] = values["opacities"][:, None]
    parameters["features_dc"] = values["sh0"][:, 0]
    parameters["features_rest"] = values["shN"]
    return {prefix + key: value for key, value in parameters.items()}


def save_nerfstudio(folder, pipeline, transform=None):
    """The layout of a training run: the transform in the run's folder, checkpoints one below."""
    path = folder / "run" / "nerfstudio_models" / "step-000029999.ckpt"
    path.parent.mkdir(parents=True)
    torch.save({"step": 29999, "pipeline": pipeline, "optimizers": {"means": {"state": {}}}}, path)
    if transform is not None:
        (folder / "run" / "dataparser_transforms.json").write_text(json.dumps(transform))
    return path


def assert_same(scene, expected):
    for name in ("means", "scales", "rotations", "opacities", "sh"):
        np.testing.assert_allclose(getattr(scene, name), getattr(expected, name), rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("degree", [0, 3])
@pytest.mark.parametrize("zipped", [True, False])
def test_gsplat(tmp_path, degree, zipped):
    values = trained(degree)
    path = tmp_path / "ckpt_29999_rank0.dat"
    torch.save({"step": 29999, "splats": values}, path, _use_new_zipfile_serialization=zipped)
    with pytest.warns(
        SceneFidelityWarning, match=r"ckpt_29999_rank0\.dat: gsplat's trainer normalises its world unless"
    ):
        scene = Scene.load(path)
    assert_same(scene, as_scene(values))


@pytest.mark.filterwarnings("ignore::rtgs2_trt.scene.SceneFidelityWarning")
def test_gsplat_without_harmonics_at_all(tmp_path):
    values = trained(0)
    torch.save({"splats": {key: value for key, value in values.items() if key != "shN"}}, tmp_path / "a.pt")
    assert_same(Scene.load(tmp_path / "a.pt"), as_scene(values))


@pytest.mark.filterwarnings("ignore::rtgs2_trt.scene.SceneFidelityWarning")
def test_infinite_sizes_are_refused_and_the_largest_stay_finite(tmp_path):
    values = trained()
    for name, content in (("a.pt", lambda: {"splats": values}), ("b.ckpt", lambda: {"pipeline": splatfacto(values)})):
        values["scales"][3, 1] = float("inf")
        torch.save(content(), tmp_path / name)
        with pytest.raises(SceneError, match=r"scales: .*1 of 40 Gaussians, the first at index 3"):
            Scene.load(tmp_path / name)
    values["scales"][3, 1] = 88
    path = save_nerfstudio(tmp_path, splatfacto(values), {"transform": np.eye(4)[:3].tolist(), "scale": 0.25})
    assert Scene.load(path).scales[3, 1] == np.finfo(np.float32).max  # 4 times e^88


@pytest.mark.filterwarnings("ignore::rtgs2_trt.scene.SceneFidelityWarning")
def test_half_and_double_tensors(tmp_path):
    values = trained()
    torch.save({"splats": values | {"means": values["means"].double(), "shN": values["shN"].half()}}, tmp_path / "a.pt")
    scene = Scene.load(tmp_path / "a.pt")
    np.testing.assert_array_equal(scene.means, values["means"])
    np.testing.assert_array_equal(scene.sh[:, 1:], values["shN"].half().float())


def test_nerfstudio_comes_back_to_the_captures_world(tmp_path, monkeypatch):
    """The scene seen by a camera of the capture is what nerfstudio's own world shows to the camera as it trained it."""
    values = trained()
    angle, axis = 0.7, np.array([0.36, 0.48, 0.8])
    cross = np.cross(np.eye(3), axis)
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    shift, factor = np.array([0.4, -1.0, 0.3]), 0.25
    transform = {"transform": np.column_stack([rotation, shift]).tolist(), "scale": factor}
    path = save_nerfstudio(tmp_path, splatfacto(values), transform)
    scene = Scene.load(path)
    monkeypatch.chdir(path.parent)
    np.testing.assert_array_equal(Scene.load(path.name).means, scene.means)  # named without its folder
    normalised = as_scene(values)
    np.testing.assert_allclose(factor * (scene.means @ rotation.T + shift), normalised.means, atol=3e-6)

    camera = Camera.look_at((9, 8, 7), (0, 0, 0), width=96, height=64, fov_degrees=60)
    pose = np.eye(4)
    pose[:3, :3] = camera.world_to_camera[:3, :3] @ rotation.T
    pose[:3, 3] = factor * (camera.world_to_camera[:3, 3] - pose[:3, :3] @ shift)
    same_view = Camera(camera.width, camera.height, camera.fx, camera.fy, camera.cx, camera.cy, pose)
    seen, trained_view = rasterize(scene, camera), rasterize(normalised, same_view)
    assert seen.alpha.max() > 0.5
    # Float32 positions differ in the last bits: edges of tiles and of alpha = 1/255 may fall either way.
    assert np.abs(seen.rgb - trained_view.rgb).mean() < 1e-4


def test_nerfstudio_without_its_transform_is_told_of(tmp_path):
    values = trained()
    path = save_nerfstudio(tmp_path, splatfacto(values, "_model."))
    with pytest.warns(
        SceneFidelityWarning, match=r"there is no dataparser_transforms\.json beside it or in the folder"
    ):
        scene = Scene.load(path)
    assert_same(scene, as_scene(values))


def test_nerfstudio_of_degree_0_trains_logits_of_colours(tmp_path):
    values = trained(0)
    path = save_nerfstudio(tmp_path, splatfacto(values), {"transform": np.eye(4)[:3].tolist(), "scale": 1.0})
    colours = Scene.load(path).sh[:, 0] * 0.28209479177387814 + 0.5
    np.testing.assert_allclose(colours, 1 / (1 + np.exp(-values["sh0"][:, 0].numpy())), atol=1e-6)


class Payload:
    """What must not be run."""

    def __reduce__(self):
        return print, ("run",)


def gsplat(**changes):
    return {"splats": {**trained(), **changes}}


BAD = {
    "a list": ([1], "not a checkpoint of Gaussians (found list, expected a dictionary"),
    "another": (
        {"model": 1, "epoch": 2},
        "a checkpoint, but not of gsplat or nerfstudio (found model, epoch, expected",
    ),
    "code": ({"splats": Payload()}, "holds a Python object, which is never loaded (found print)"),
    "no means": ({"splats": {"scales": 1}}, "splats.means: not the tensor of Gaussians (found none, expected a float"),
    "no Gaussians": (gsplat(means=torch.zeros(0, 3)), "splats.means: there are no Gaussians in it (found 0)"),
    "other counts": (
        gsplat(scales=torch.zeros(COUNT - 1, 3)),
        f"splats.scales: not the tensor of Gaussians (found ({COUNT - 1}, 3) torch.float32, expected a float tensor "
        f"({COUNT}, 3))",
    ),
    "surfels": (gsplat(scales=torch.zeros(COUNT, 2)), "splats.scales: not the tensor of Gaussians (found (40, 2)"),
    "whole numbers": (gsplat(quats=torch.zeros(COUNT, 4, dtype=torch.int64)), "splats.quats: not the tensor of Gauss"),
    "one number seen often": (
        gsplat(means=torch.zeros(1, 1).expand(1 << 40, 3)),
        "splats.means: not the tensor of Gaussians (found (1099511627776, 3) torch.float32, expected a float tensor",
    ),
    "odd harmonics": (gsplat(shN=torch.zeros(COUNT, 5, 3)), "splats.shN: not a whole degree of spherical harmonics"),
    "appearance": (
        {"splats": {**{k: v for k, v in trained().items() if k[:2] != "sh"}, "features": torch.zeros(COUNT, 32)}},
        "splats.features: colours of an appearance network, which only its trainer can render",
    ),
    "NaN": (gsplat(opacities=torch.full((COUNT,), float("nan"))), "opacities: NaN or infinite values (found 40 of 40"),
    "nerfacto": ({"pipeline": {"_model.field": 1}}, "pipeline: a nerfstudio checkpoint without Gaussians"),
}


@pytest.mark.filterwarnings("ignore::rtgs2_trt.scene.SceneFidelityWarning")
@pytest.mark.parametrize("name", BAD)
def test_bad_checkpoints(tmp_path, name, capsys):
    content, message = BAD[name]
    path = tmp_path / "bad.pt"
    torch.save(content, path)
    with pytest.raises(SceneError, match="^" + re.escape(f"{path}: {message}")):
        Scene.load(path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ({"transform": [[1, 0], [0, 1]], "scale": 1}, "transform, scale: not a transform of nerfstudio (found (2, 2)"),
        ({"transform": np.eye(4)[:3].tolist(), "scale": 0}, "transform, scale: not a transform of nerfstudio"),
        ({"transform": (2 * np.eye(4))[:3].tolist(), "scale": 1}, "transform: its 3x3 part is not a rotation"),
        ({"scale": 1}, "not a transform of nerfstudio (found KeyError('transform'))"),
    ],
)
def test_bad_transforms(tmp_path, transform, message):
    path = save_nerfstudio(tmp_path, splatfacto(trained()), transform)
    file = path.parent.parent / "dataparser_transforms.json"
    with pytest.raises(SceneError, match="^" + re.escape(f"{file}: {message}")):
        Scene.load(path)


def test_truncated_checkpoints(tmp_path):
    path = tmp_path / "whole.pt"
    torch.save(gsplat(), path)
    data = path.read_bytes()
    for size in (10, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(SceneError, match=re.escape(str(path))):
            Scene.load(path)


def test_compressed_checkpoints_are_refused_before_anything_is_unpacked(tmp_path, monkeypatch):
    """128 MB of zeros in less than one; deflated by hand, as torch.save compresses nothing."""
    torch.save({"splats": {"means": torch.zeros(1 << 25)}}, tmp_path / "stored.pt")
    stored, packed = tmp_path / "stored.pt", tmp_path / "bomb.pt"
    with (
        zipfile.ZipFile(stored) as source,
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    assert packed.stat().st_size < 1 << 20
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("it was loaded"))
    message = (
        r"bomb\.pt: stored/data\.pkl: a compressed archive, which could grow without limit \(found \d+ bytes from \d+, "
        r".*\)\. Save it again with torch\.save"
    )
    with pytest.raises(SceneError, match=message):
        Scene.load(packed)


def test_without_pytorch_the_message_says_so(tmp_path, monkeypatch):
    torch.save(gsplat(), tmp_path / "a.pt")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SceneError, match=r"a checkpoint of PyTorch, which is needed to read it\. Install PyTorch"):
        Scene.load(tmp_path / "a.pt")
