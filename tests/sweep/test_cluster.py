import socket
from pathlib import Path

from epochwise.sweep.cluster import Site, marked, unmark, unseen


def test_a_node_sees_a_study_where_its_mark_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("study").mkdir()
    site = marked(Path("study"))
    assert (site.folder, site.start) == (tmp_path / "study", tmp_path)
    assert unseen(site) == ""
    unmark(site)
    assert not list(site.folder.iterdir())
    node = socket.gethostname()
    assert unseen(site).startswith(f"node {node} does not see the folder {tmp_path / 'study'}: ")


def test_a_node_must_see_where_relative_paths_are_meant_from(tmp_path):
    site = Site(tmp_path, marked(tmp_path).mark, tmp_path / "gone")
    assert f"does not see the folder {tmp_path / 'gone'}: " in unseen(site)


def test_the_mark_of_a_command_that_was_killed_is_removed(tmp_path):
    first, second = marked(tmp_path), marked(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [second.mark]
    assert unseen(first)
