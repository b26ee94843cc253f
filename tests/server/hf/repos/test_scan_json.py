import msgspec

from entrepot.hub.scanning.results import FileScan, RepoScan, ScanRow
from entrepot.names import RepoPath
from entrepot.server.hf.repos.scan_json import security_of, security_status_of

REPORT = {"message": "m", "imports": [["os", "system", "dangerous"]], "count": 1}


def test_a_result_has_the_names_that_clients_read() -> None:
    scan = FileScan("unsafe", True, ScanRow("a", "pickles", "1", "unsafe", REPORT, 1, 1))
    assert msgspec.to_builtins(security_of(scan)) == {
        "status": "unsafe",
        "avScan": None,
        "pickleImportScan": {
            "status": "unsafe",
            "message": "m",
            "version": "1",
            "pickleImports": [{"module": "os", "name": "system", "safety": "dangerous"}],
        },
    }


def test_files_a_scanner_could_not_read_are_unscanned() -> None:
    scan = FileScan("unscanned", True, None, ScanRow("a", "command", "1", "skipped", {"message": "m"}, 1, 1))
    found = security_of(scan)
    assert found.av_scan == {"status": "unscanned", "message": "m", "version": "1"}


def test_issues_have_path_and_level() -> None:
    found = security_status_of(RepoScan(True, [(RepoPath("a.pkl"), "unsafe")]))
    assert msgspec.to_builtins(found) == {
        "scansDone": True,
        "filesWithIssues": [{"path": "a.pkl", "level": "unsafe"}],
    }
