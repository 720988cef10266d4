"""The container files hold what the documentation promises of them.

There may be no Docker where this runs, so the files are linted and read; `container_run.py` executes them.
"""

import pathlib
import subprocess
import sys
import tomllib

import dockerfile
import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
HADOLINT = pathlib.Path(sys.executable).with_name("hadolint")
BUILD, RUNTIME = dockerfile.parse((ROOT / "Dockerfile").read_text())


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.railway"])
def test_dockerfile_passes_the_linter(name):
    result = subprocess.run([HADOLINT, ROOT / name], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_railway_builds_the_same_image_without_the_volume_line():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    railway = (ROOT / "Dockerfile.railway").read_text().splitlines()
    assert [line for line in lines if not line.startswith("VOLUME ")] == railway
    settings = tomllib.loads((ROOT / "railway.toml").read_text())
    assert settings["build"]["dockerfilePath"] == "Dockerfile.railway"
    assert settings["deploy"]["healthcheckPath"] == "/health"
    assert [settings["deploy"]["requiredMountPath"]] == RUNTIME.last("VOLUME").words


def test_binary_is_built_for_the_baseline_from_the_lock_file():
    commands = " ".join(each.text for each in BUILD.all("RUN"))
    assert "--locked" in commands and "--release" in commands
    assert "RUSTFLAGS" not in BUILD.env and "target-cpu" not in commands


def test_image_runs_as_an_unprivileged_user_that_owns_its_volume():
    assert RUNTIME.last("USER").text.split(":")[0] not in ("root", "0")
    assert RUNTIME.last("VOLUME").words == ["/data"]
    assert RUNTIME.env["LADYBUG_DATA"] == "/data"


def test_image_binds_everywhere_and_demands_a_password():
    assert RUNTIME.env["LADYBUG_BIND"] == "0.0.0.0"
    assert RUNTIME.env["LADYBUG_REQUIRE_PASSWORD"] == "1"
    assert "LADYBUG_PASSWORD" not in RUNTIME.env, "a password in an image is no secret"


def test_health_check_needs_nothing_but_the_binary():
    assert RUNTIME.last("HEALTHCHECK").command[0] == "ladybug"
    assert RUNTIME.last("ENTRYPOINT").command == ["ladybug"]


def test_build_context_holds_every_file_the_manifests_name():
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    manifest = tomllib.loads((ROOT / "Cargo.toml").read_text())
    needed = ["Cargo.toml", "Cargo.lock", "src/main.rs", *manifest["workspace"]["members"]]
    needed += [each["path"] for kind in ("test", "bench", "example") for each in manifest.get(kind, []) if "path" in each]
    for path in needed:
        assert any(path == each or path.startswith(each + "/") for each in kept), f"{path} is not in the build context"


def test_compose_demands_a_password_and_keeps_the_data():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    service = compose["services"]["ladybug"]
    assert ":?" in service["environment"]["LADYBUG_PASSWORD"]
    (volume,) = service["volumes"]
    name, path = volume.split(":")
    assert name in compose["volumes"] and path == "/data"
