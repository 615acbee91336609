"""What docs/streaming.md shows: the loop runs, its options and files exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/streaming.md").read_text()


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_loop_runs(exported_bundle, scene, tmp_path):
    from rtgs2_trt import Segmenter

    folder = tmp_path / "build" / "demo"
    folder.mkdir(parents=True)
    (folder / "demo.rtgs2").symlink_to(exported_bundle)
    Segmenter(exported_bundle).encode(scene).save(folder / "room.ply")
    (loop,) = blocks("python")
    done = subprocess.run([sys.executable, "-c", loop], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "StreamStatistics(submitted=20, labelled=" in done.stdout


def test_programs_of_the_page_exist():
    programs = re.findall(r"(?:examples|benchmarks|tests)/[\w/]+\.py", PAGE)
    assert len(programs) >= 5
    for program in programs:
        assert (ROOT / program).is_file(), program


def test_options_of_the_exporter_exist(capsys):
    from rtgs2_export.cli import main

    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    for command in re.findall(r"^rtgs2-export .*", PAGE, re.MULTILINE):
        for option in re.findall(r"--[\w-]+", command):
            assert option in told, option


def test_the_benchmark_prints_latency_and_jitter(exported_bundle, scene, tmp_path):
    from rtgs2_trt import Segmenter

    Segmenter(exported_bundle).encode(scene).save(tmp_path / "room.ply")
    command = [sys.executable, str(ROOT / "benchmarks/stream.py"), str(exported_bundle), "room.ply"]
    command += ["--rate", "50", "--seconds", "0.5", "--size", "64x48", "--json", "out.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"latency +median [\d.]+ ms, 95 % within", done.stdout)
    assert re.search(r"jitter +[\d.na]+ ms", done.stdout)
    assert '"submitted": 25' in (tmp_path / "out.json").read_text()
