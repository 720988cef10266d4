#!/usr/bin/env python3
"""Runs the Dockerfile where there is no Docker: each instruction, in a Debian tree made by debootstrap.

    sudo tests/python/container_run.py

Needs root, `debootstrap`, a network, and on this machine the Rust version that the Dockerfile's first FROM names:
its toolchain stands in for the `rust` image's, everything else comes from the tree. The trees stay in
`~/.cache/ladybug-container`, so that a second run builds only what changed; remove the directory to start anew.

It then does with the image what a user would: starts it without a password (refused, saying so), with one (its health
check passes, strangers are refused, data is written), stops it as `docker stop` does, starts it again over the same
volume and reads the data back. Not part of `./test.sh`: a release build takes minutes.
"""

import fnmatch
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import dockerfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path.home() / ".cache/ladybug-container"
SUITE = "bookworm"
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
HEALTHY_SECONDS_MAX = 60
IN_OWN_MOUNTS = "LADYBUG_CONTAINER_RUN_IN_OWN_MOUNTS"


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, **options)


def say(text):
    print(f"== {text}", flush=True)


def base_tree():
    """What `debian:bookworm-slim` holds, made once."""
    tree = CACHE / "base"
    if not (CACHE / "base.ready").exists():
        shutil.rmtree(tree, ignore_errors=True)
        say(f"debootstrap {SUITE}")
        run("debootstrap", "--variant=minbase", "--include=ca-certificates", SUITE, tree, stdout=subprocess.DEVNULL)
        (CACHE / "base.ready").touch()
    return tree


def host_toolchain(wanted):
    """The directory of this machine's Rust `wanted`."""
    found = pathlib.Path(run("rustc", "--print", "sysroot", capture_output=True, text=True).stdout.strip())
    version = run(found / "bin/rustc", "--version", capture_output=True, text=True).stdout.split()[1]
    assert version.startswith(wanted + "."), f"the Dockerfile wants Rust {wanted}, this machine has {version}"
    return found


class Tree:
    """A root file system in which a stage's instructions are executed."""

    def __init__(self, name):
        self.path = CACHE / name
        assert str(self.path) not in pathlib.Path("/proc/self/mountinfo").read_text(), f"{self.path} has mounts"
        shutil.rmtree(self.path, ignore_errors=True)
        run("cp", "-a", base_tree(), self.path)
        self.env = {"PATH": DEFAULT_PATH}
        self.directory = "/"
        self.user = None

    def inside(self, path):
        """Where `path`, as an instruction gives it, is on this machine."""
        return self.path / os.path.join(self.directory, path).lstrip("/")

    def mount(self, source, target, *flags):
        place = self.inside(target)
        place.mkdir(parents=True, exist_ok=True)
        run("mount", "--bind", *flags, source, place)

    def chroot(self, command, env=None):
        """The argument vector and the environment that run `command` in the tree as the stage's user would."""
        user = [f"--userspec={self.user}"] if self.user else []
        variables = [f"{key}={value}" for key, value in {**self.env, **(env or {})}.items()]
        start = ["chroot", *user, str(self.path), "/usr/bin/env", "-i", f"--chdir={self.directory}", *variables]
        return [*start, *command]

    def execute(self, stage, other_trees):
        """Every instruction that shapes the file system, in order."""
        for each in stage.instructions:
            say(f"{stage.name}: {each.keyword} {each.text[:100]}")
            match each.keyword:
                case "RUN":
                    run(*self.chroot(each.command))
                case "ENV":
                    self.env.update(word.split("=", 1) for word in each.words)
                case "USER":
                    self.user = each.text
                case "WORKDIR":
                    self.directory = os.path.join(self.directory, each.text)
                    self.inside(".").mkdir(parents=True, exist_ok=True)
                case "COPY" if "from" in each.flags:
                    source, target = each.words
                    shutil.copy2(other_trees[each.flags["from"]].inside(source), self.inside(target))
                case "COPY":
                    assert each.words == [".", "."], "only COPY . . is known here"
                    copy_context(self.inside("."))
                case "VOLUME" | "EXPOSE" | "HEALTHCHECK" | "STOPSIGNAL" | "ENTRYPOINT" | "CMD":
                    pass
                case other:
                    raise AssertionError(f"no rule for {other}")


def copy_context(target):
    """Copies what `.dockerignore` leaves of the files git knows."""
    patterns = [line for line in (ROOT / ".dockerignore").read_text().split("\n") if line and not line.startswith("#")]

    def ignored(path):
        verdict = False
        for pattern in patterns:
            keep, pattern = pattern.startswith("!"), pattern.removeprefix("!")
            if fnmatch.fnmatch(path, pattern) or path.startswith(pattern + "/"):
                verdict = not keep
        return verdict

    files = run("git", "-c", "safe.directory=*", "ls-files", "-z", cwd=ROOT, capture_output=True, text=True).stdout
    for path in filter(None, files.split("\0")):
        if not ignored(path):
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, target / path)


def build_tree(stage):
    """The tree of a stage that starts from the `rust` image."""
    tree = Tree("build")
    image, tag = stage.base.split(":")
    assert (image, tag.split("-")[1]) == ("rust", SUITE), stage.base
    run(*tree.chroot(["apt-get", "update", "-q"]), stdout=subprocess.DEVNULL)
    run(*tree.chroot(["apt-get", "install", "-q", "-y", "--no-install-recommends", "gcc", "g++", "libc6-dev", "make"]),
        stdout=subprocess.DEVNULL)
    shutil.copy2("/etc/resolv.conf", tree.path / "etc/resolv.conf")
    shutil.copy2("/etc/ssl/certs/ca-certificates.crt", tree.path / "etc/ssl/certs/ca-certificates.crt")
    tree.mount("/dev", "/dev")
    tree.mount("/proc", "/proc")
    tree.mount(host_toolchain(tag.split("-")[0]), "/usr/local/rust", "--read-only")
    (CACHE / "target").mkdir(exist_ok=True)
    (CACHE / "cargo").mkdir(exist_ok=True)
    tree.mount(CACHE / "target", "/build/target")
    tree.mount(CACHE / "cargo", "/usr/local/cargo")
    tree.env |= {"PATH": f"/usr/local/rust/bin:{DEFAULT_PATH}", "CARGO_HOME": "/usr/local/cargo"}
    return tree


class Container:
    """The image's command as `docker run` starts it: its user, its environment, a network of its own."""

    def __init__(self, tree, stage, env):
        self.tree, self.stage, self.env = tree, stage, env
        command = stage.last("ENTRYPOINT").command + stage.last("CMD").command
        # A network of its own, so that the image's ports are free; its loopback device must be set up.
        network = "import fcntl, socket, struct, os, sys; s = socket.socket(); " \
            "fcntl.ioctl(s, 0x8914, struct.pack('16sh14x', b'lo', 1)); os.execvp(sys.argv[1], sys.argv[1:])"
        self.log = open(CACHE / "container.log", "w+")
        self.process = subprocess.Popen(
            ["unshare", "--net", sys.executable, "-c", network, *tree.chroot(command, env)],
            stdout=self.log, stderr=self.log)

    def execute(self, command):
        """As `docker exec`."""
        enter = ["nsenter", f"--net=/proc/{self.process.pid}/ns/net", *self.tree.chroot(command, self.env)]
        return subprocess.run(enter, capture_output=True, text=True, timeout=30)

    def wait_until_healthy(self):
        deadline = time.monotonic() + HEALTHY_SECONDS_MAX
        while self.execute(self.stage.last("HEALTHCHECK").command).returncode != 0:
            assert self.process.poll() is None, f"the server ended: {self.output()}"
            assert time.monotonic() < deadline, f"not healthy: {self.output()}"
            time.sleep(0.2)

    def stop(self):
        self.process.send_signal(signal.Signals[self.stage.last("STOPSIGNAL").text])
        return self.process.wait(timeout=60)

    def output(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text()


def check_image(tree, stage):
    """What the documentation promises of the image."""
    say("without a password it refuses to start and says why")
    container = Container(tree, stage, {})
    assert container.process.wait(timeout=30) != 0
    assert "LADYBUG_PASSWORD" in container.output(), container.output()

    secret = {"LADYBUG_PASSWORD": "correct horse"}
    say("with one it becomes healthy, as an unprivileged user")
    container = Container(tree, stage, secret)
    try:
        container.wait_until_healthy()
        status = pathlib.Path(f"/proc/{container.process.pid}/status").read_text()
        uid = next(line.split()[1] for line in status.splitlines() if line.startswith("Uid:"))
        assert uid == tree.user.split(":")[0] != "0", uid
        listening = container.execute(["cat", "/proc/net/tcp"]).stdout.lower()
        for port in stage.last("EXPOSE").words:
            assert f"00000000:{int(port):04x} " in listening, f"nobody listens on all interfaces, port {port}"

        say("strangers are refused, the password is not")
        stranger = container.execute(["/usr/bin/env", "-u", "LADYBUG_PASSWORD", "ladybug", "cli", "SET", "a", "b"])
        assert "NOAUTH" in stranger.stdout, stranger
        assert container.execute(["ladybug", "cli", "SET", "a", "b"]).stdout == "OK\n"

        say("it stops in good order and finds its data again")
        assert container.stop() == 0, container.output()
        container = Container(tree, stage, secret)
        container.wait_until_healthy()
        assert container.execute(["ladybug", "cli", "GET", "a"]).stdout == "b\n"
        assert container.stop() == 0, container.output()
    finally:
        if container.process.poll() is None:
            container.process.kill()


def main():
    assert os.geteuid() == 0, "needs root: debootstrap, chroot and mount"
    if IN_OWN_MOUNTS not in os.environ:
        # Mounts of a namespace of our own end with us, however we end: none can outlive a run and be
        # taken for a part of the tree by the next one's removal.
        os.environ[IN_OWN_MOUNTS] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv])
    CACHE.mkdir(parents=True, exist_ok=True)
    build, runtime = dockerfile.parse((ROOT / "Dockerfile").read_text())
    assert runtime.base == f"debian:{SUITE}-slim", runtime.base
    builder = build_tree(build)
    builder.execute(build, {})
    image = Tree("runtime")
    image.execute(runtime, {build.name: builder})
    image.mount("/proc", "/proc")
    image.mount("/dev", "/dev")
    check_image(image, runtime)
    say("every instruction ran, and the image does what its documentation says")


if __name__ == "__main__":
    main()
