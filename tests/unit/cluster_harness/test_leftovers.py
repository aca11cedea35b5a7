"""What is found of a node after its processes have ended."""

import json
import tarfile
from pathlib import Path

from tests.cluster import archive, cgroups, leftovers, users
from tests.cluster.archive import Image


def test_mounts_are_found_under_paths_with_spaces_newest_first() -> None:
    mountinfo = "\n".join(
        [
            "1 0 0:1 / / rw - ext4 /dev/x rw",
            r"2 1 0:1 / /a\040b/kubelet rw - ext4 /dev/x rw",
            r"3 2 0:1 / /a\040b/kubelet/pods/v rw - tmpfs tmpfs rw",
            "4 1 0:1 / /a/other rw - tmpfs tmpfs rw",
        ]
    )

    assert leftovers.mounts_under([Path("/a b")], mountinfo) == [Path("/a b/kubelet/pods/v"), Path("/a b/kubelet")]


def test_groups_are_made_where_the_controllers_are() -> None:
    first = "cgroup /sys/fs/cgroup/pids cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0"
    second = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0"

    assert cgroups.hierarchies(first) == [Path("/sys/fs/cgroup/pids")]
    assert cgroups.hierarchies(second) == [Path("/sys/fs/cgroup")]


def test_an_image_archive_is_the_same_every_time(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF")
    made = [Image(f"demo:{tag}", {"bin/program": program}, ("/bin/program",)) for tag in ("1", "2")]

    archive.write(made, tmp_path / "first.tar")
    archive.write(made, tmp_path / "second.tar")

    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()
    with tarfile.open(tmp_path / "first.tar") as written:
        entry = written.extractfile("manifest.json")
        assert entry is not None
        manifest = json.loads(entry.read())
        assert [one["RepoTags"] for one in manifest] == [["demo:1"], ["demo:2"]]
        assert len([name for name in written.getnames() if name.endswith(".tar")]) == 1


def test_every_user_has_a_token_and_only_the_people_share_a_kubeconfig(tmp_path: Path) -> None:
    authority = tmp_path / "ca.crt"
    authority.write_text("certificate")
    (tmp_path / "config").mkdir()
    tokens = users.write_tokens(tmp_path / "config" / "tokens.csv")

    users.write_kubeconfigs(tmp_path, "https://127.0.0.1:1", authority, tokens)

    document = json.loads((tmp_path / "kubeconfig").read_text())
    assert [one["name"] for one in document["contexts"]] == ["admin", "developer", "sre"]
    assert len(set(tokens.values())) == len(tokens)
    assert (tmp_path / "kubeconfig").stat().st_mode & 0o077 == 0
