"""Kernels of processors that this machine may not have, run on emulated ones.

AVX-512 runs on the emulator that lies beside the checkout (`../shared/avx512`, or where `LADYBUG_AVX512_EMULATOR`
says); NEON on Debian's qemu-user, compiled with Debian's Rust, which has a standard library for aarch64.
"""

import os
import pathlib
import platform
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
KERNELS = ROOT / "tests/kernels"
FLAGS = ("--edition", "2024", "-O", "-A", "dead_code")
AVX512 = {"avx512f", "avx512bw", "avx512vl", "avx512_vpopcntdq"}


def run(*command):
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, f"{' '.join(map(str, command))}\n{result.stdout}"
    return result.stdout


def processor_flags():
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return {flag for line in lines if line.startswith("flags") for flag in line.split(":")[1].split()}


def test_avx512_kernels_on_an_emulated_processor(tmp_path):
    emulator = pathlib.Path(os.environ.get("LADYBUG_AVX512_EMULATOR", ROOT.parent / "shared/avx512"))
    if not emulator.is_dir():
        if processor_flags() >= AVX512:
            return  # the engine's own tests have run these kernels on this processor
        pytest.fail(
            f"{emulator} is not there and this processor has no AVX-512: nothing has run the AVX-512 kernels. "
            "Put the emulator beside the checkout, or say in LADYBUG_AVX512_EMULATOR where it is"
        )
    # As an object at an address of its own; the panics that it never reaches stay unresolved.
    run(
        *("rustc", *FLAGS, "--crate-type", "lib", "--emit", "obj", "-C", "panic=abort"),
        *("-C", "relocation-model=static", KERNELS / "emulated.rs", "-o", tmp_path / "kernels.o"),
    )
    run(
        *("ld", "-N", "-e", "avx512_distance", "-Ttext", "0x100000", "--unresolved-symbols=ignore-all"),
        *(tmp_path / "kernels.o", "-o", tmp_path / "kernels.elf"),
    )
    output = run("sh", emulator / "python", pathlib.Path(__file__).with_name("emulated_kernels.py"), tmp_path / "kernels.elf")
    assert int(re.search(r"(\d+) results compared", output)[1]) > 20_000, output


def test_neon_kernels_on_an_emulated_processor(tmp_path):
    if platform.machine() == "aarch64":
        return  # the engine's own tests have run these kernels on this processor
    # Debian's compiler has its name to itself where rustup's comes first in the path.
    rustc, linker, qemu = "/usr/bin/rustc", shutil.which("aarch64-linux-gnu-gcc"), shutil.which("qemu-aarch64")
    if not (pathlib.Path(rustc).exists() and linker and qemu):
        pytest.fail("Debian's packages for this test are missing: see .ci/run, which installs them")
    run(
        *(rustc, *FLAGS, "--target", "aarch64-unknown-linux-gnu", "-C", f"linker={linker}"),
        *(KERNELS / "aarch64.rs", "-o", tmp_path / "kernels"),
    )
    output = run(qemu, "-L", "/usr/aarch64-linux-gnu", tmp_path / "kernels")
    assert int(re.search(r"(\d+) results compared", output)[1]) > 20_000, output


