"""Extraction of archives: atomic, and rejected where the archive is damaged or unsafe."""

import hashlib
import tarfile
from pathlib import Path

import pytest
from archives import BODY, FILES, FOLDER, archive_of, content_of, file_member, leftovers, link, tar_bytes, zip_bytes

from sanguinaria.core import archive_extraction
from sanguinaria.core.downloads import DownloadError, obtain, sha256_of


def extract(body: bytes, cache: Path, name: str = "speech_v1.tar.gz") -> Path:
    """Obtain from an archive that is already in the cache."""
    cache.mkdir(parents=True, exist_ok=True)
    (cache / name).write_bytes(body)
    return obtain(archive_of(body, name=name), cache)


def assert_rejected(body: bytes, cache: Path, name: str = "speech_v1.tar.gz") -> str:
    """Assert that the archive is refused by name and that nothing was written, in the cache or around it."""
    with pytest.raises(DownloadError) as caught:
        extract(body, cache, name)
    assert str(cache / name) in str(caught.value)
    assert leftovers(cache) == {name}
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]
    return str(caught.value)


@pytest.mark.parametrize("prefix", ["", "./", f"{FOLDER}/"])
def test_tar_layouts_give_the_same_folder(prefix: str, cache: Path) -> None:
    assert content_of(extract(tar_bytes(FILES, prefix=prefix), cache)) == FILES
    assert leftovers(cache) == {FOLDER, "speech_v1.tar.gz"}


def test_top_folder_of_another_name_is_kept(cache: Path) -> None:
    assert set(content_of(extract(tar_bytes(FILES, prefix="other/"), cache))) == {f"other/{name}" for name in FILES}


@pytest.mark.parametrize("prefix", ["", f"{FOLDER}/"])
def test_zip_layouts_give_the_same_folder(prefix: str, cache: Path) -> None:
    body = zip_bytes({prefix + name: content for name, content in FILES.items()})
    assert content_of(extract(body, cache, "speech_v1.zip")) == FILES


def test_link_inside_is_kept(cache: Path) -> None:
    folder = extract(tar_bytes(FILES, (link("latest", "yes/a.wav"),)), cache)
    assert (folder / "latest").read_bytes() == FILES["yes/a.wav"]


@pytest.mark.parametrize(
    "members",
    [
        (file_member("../evil"),),
        (file_member("yes/../../../evil"),),
        (link("out", "../.."), file_member("out/evil")),
        (link("out", "/tmp"),),
        (link("hard", "../speech_v1.tar.gz", tarfile.LNKTYPE),),
        (link("pipe", "", tarfile.FIFOTYPE),),
    ],
    ids=["parent", "deep parent", "through symlink", "absolute symlink", "hard link", "pipe"],
)
def test_malicious_tar_is_rejected(members: tuple[tarfile.TarInfo, ...], cache: Path) -> None:
    assert "unsafe" in assert_rejected(tar_bytes(FILES, members), cache)


def test_link_that_leaves_the_unnested_folder_is_rejected(cache: Path) -> None:
    """Within the temporary folder this link is harmless; once its top folder is moved up, it is not."""
    body = tar_bytes(FILES, (link(f"{FOLDER}/out", "../secret"),), prefix=f"{FOLDER}/")
    assert "points outside" in assert_rejected(body, cache)


@pytest.mark.parametrize("name", ["../evil", "yes/../../evil"])
def test_malicious_zip_is_rejected(name: str, cache: Path) -> None:
    assert "outside the folder" in assert_rejected(zip_bytes({**FILES, name: b"evil"}), cache, "speech_v1.zip")


def test_absolute_names_are_rejected(tmp_path: Path) -> None:
    for kind in ("tar", "zip"):
        cache = tmp_path / kind / "cache"
        evil = str(cache.parent / "evil")
        body = tar_bytes(FILES, (file_member(evil),)) if kind == "tar" else zip_bytes({**FILES, evil: b"evil"})
        assert_rejected(body, cache, f"speech_v1.{kind}")


@pytest.mark.parametrize("kept", [0, 10, 1000, 5000])
def test_truncated_tar_is_rejected(kept: int, cache: Path) -> None:
    assert_rejected(BODY[:kept], cache)


def test_damaged_zip_is_rejected(cache: Path) -> None:
    body = zip_bytes(FILES)
    assert_rejected(body[:-10], cache, "speech_v1.zip")
    middle = len(body) // 2
    assert_rejected(body[:middle] + bytes(64) + body[middle + 64 :], cache, "speech_v1.zip")


def test_empty_archive_is_rejected(cache: Path) -> None:
    assert "holds no files" in assert_rejected(tar_bytes({}), cache)


def test_extraction_failing_without_space_does_not_blame_the_archive(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive_extraction, "unpack", full)
    assert "disk has room" in assert_rejected(BODY, cache)


def test_interrupted_extraction_leaves_no_folder(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(source: Path, target: Path) -> None:
        (target / "half").write_bytes(b"")
        raise KeyboardInterrupt

    monkeypatch.setattr(archive_extraction, "unpack", interrupted)
    with pytest.raises(KeyboardInterrupt):
        extract(BODY, cache)
    assert leftovers(cache) == {"speech_v1.tar.gz"}


def test_remains_of_a_killed_extraction_are_deleted(cache: Path) -> None:
    remains = cache / "speech_v1.tar.gz.extracting"
    remains.mkdir(parents=True)
    (remains / "half").write_bytes(b"")
    assert content_of(extract(BODY, cache)) == FILES
    assert not remains.exists()


def test_check_follows_extraction(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / "speech_v1.tar.gz").write_bytes(BODY)
    seen: list[Path] = []

    def check(folder: Path) -> str | None:
        seen.append(folder)
        return "too few speakers"

    with pytest.raises(DownloadError, match="too few speakers"):
        obtain(archive_of(BODY), cache, check)
    assert seen == [cache / FOLDER]


def test_sha256_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BODY)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(BODY).hexdigest()
