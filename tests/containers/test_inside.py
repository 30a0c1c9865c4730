"""What an agent finds, and what it does not find."""

from __future__ import annotations

import os

from agents import command
from agents.naming import MANAGER, host_uid
from tests.containers.hive import Hive


def test_it_knows_who_it_is(hive: Hive) -> None:
    hive.run("report([os.getuid(), os.getgid(), os.getgroups(), socket.gethostname(), os.getcwd()])")
    uid = host_uid("alice")
    assert hive.answer() == [uid, uid, [uid] if os.geteuid() else [], "h-alice", "/home/alice"] or os.geteuid()


def test_its_environment_is_made_for_it(hive: Hive) -> None:
    os.environ["A_SECRET_OF_THE_HOST"] = "1"
    odd = 'it\'s "quoted" $HOME `id`\nand two lines\n'
    hive.run("report(dict(os.environ))", environment={"ODD": odd, "HIVE_DASHBOARD_PORT": "7000", "HOME": "/root"})
    found = hive.answer()
    assert found["ODD"] == odd
    assert found["HIVE_DASHBOARD_PORT"] == "7000"
    assert found["HOME"] == "/home/alice"
    assert (found["HIVE_PORT"], found["HIVE_LABEL"]) == ("8879", "alice")
    assert found["HYPERHIVE_STATE_DIR"] == "/agents/alice/state"
    assert found["GIT_AUTHOR_EMAIL"] == "alice@hyperhive"
    assert found["PATH"].split(":").index("/usr/bin") < len(found["PATH"].split(":")) - 2
    assert "A_SECRET_OF_THE_HOST" not in found


def test_its_variables_are_on_no_command_line(hive: Hive) -> None:
    hive.run(environment={"API_KEY": "very-secret-value"})
    hive.answer()
    lines = command.run(["ps", "axww", "-o", "args"], timeout=10).text
    assert "very-secret-value" not in lines


def test_no_descriptor_leads_out(hive: Hive) -> None:
    hive.run(
        "pipe.close(); fds = os.listdir('/proc/self/fd'); pipe = open('/agents/alice/state/answers', 'w'); report(fds)"
    )
    assert sorted(map(int, hive.answer())) == [0, 1, 2, 3]  # 3 is the listing itself


def test_it_has_no_capabilities_and_can_gain_none(hive: Hive) -> None:
    body = "lines = dict(line.split(':\\t') for line in open('/proc/self/status') if ':\\t' in line)\n"
    hive.run(
        body + "report({key: lines[key].strip() for key in ('CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'NoNewPrivs')})"
    )
    found = hive.answer()
    assert found.pop("NoNewPrivs") == "1"
    assert {int(value, 16) for value in found.values()} == {0}


def test_what_it_may_write(hive: Hive) -> None:
    places = [
        "/home/alice/a",
        "/home/alice/.claude/a",
        "/agents/alice/state/a",
        "/shared/alice/a",
        "/tmp/a",
        "/dev/shm/a",
    ]
    hive.run(f"report([write(path) for path in {places}])")
    assert hive.answer() == ["done"] * len(places)
    assert (hive.paths.credentials("alice") / "a").read_text() == "x"
    assert (hive.paths.notes("alice") / "a").read_text() == "x"
    assert (hive.paths.shared / "alice/a").read_text() == "x"


def test_what_it_may_only_read(hive: Hive) -> None:
    hive.containers.create("alice")
    (hive.paths.agent_runtime("alice") / "token").write_text("t")
    (hive.paths.agent_runtime("alice") / "token").chmod(0o644)
    places = ["/agents/alice/config/a", "/shared/a", "/run/hive/a", "/run/hive/token", "/usr/a", "/etc/passwd"]
    hive.run(f"report([open('/run/hive/token').read(), *[write(path) for path in {places}]])")
    first, *others = hive.answer()
    assert first == "t"
    assert not set(others) - {"OSError", "PermissionError"}


def test_it_sees_nothing_of_others_or_of_the_host(hive: Hive) -> None:
    hive.containers.create("bob")
    (hive.paths.shared / "bob" / "letter").write_text("for all")
    hive.run(
        "report([os.listdir('/agents'), os.listdir('/home'), os.path.exists('/var/lib'), "
        "open('/shared/bob/letter').read(), write('/shared/bob/mine'), sorted(os.listdir('/proc'))[:3]])",
    )
    agents, homes, var, letter, mine, processes = hive.answer()
    assert (agents, homes, var) == (["alice"], ["alice"], False)
    assert letter == "for all"
    assert mine in ("OSError", "PermissionError")
    assert set(processes) >= {"1", "2"}
    hive.containers.stop("alice")


def test_of_the_hives_code_only_the_harness_is_there(hive: Hive) -> None:
    """Byte code of the one file may be there: python writes it where the clone lies in a folder such as /tmp."""
    hive.run(
        "import agents, glob; here = os.path.dirname(agents.__file__); "
        "report([sorted(os.listdir(here)), [os.path.basename(p) for p in glob.glob(here + '/__pycache__/*')]])"
    )
    listed, compiled = hive.answer()
    assert set(listed) <= {"__init__.py", "__pycache__", "harness"}
    assert all(name.startswith("__init__.") for name in compiled)


def test_the_manager_writes_its_childrens_configuration_and_notes(hive: Hive) -> None:
    hive.containers.create("bob")
    body = "report([write('/agents/bob/config/agent.nix'), write('/agents/bob/state/note'), os.listdir('/agents/bob')])"
    hive.run(body, name=MANAGER, children=("bob",))
    config, notes, listing = hive.answer(MANAGER)
    assert (config, notes, sorted(listing)) == ("done", "done", ["config", "state"])
    hive.run(
        "report([open('/agents/bob/config/agent.nix').read(), open('/agents/bob/state/note', 'a').write('y')])",
        name="bob",
    )
    assert hive.answer("bob") == ["x", 1]
    assert (hive.paths.notes("bob") / "note").read_text() == "xy"


def test_the_manager_reads_what_its_child_noted(hive: Hive) -> None:
    hive.run(
        "os.umask(0o077); os.makedirs('/agents/bob/state/deep/er'); report(write('/agents/bob/state/deep/er/note'))",
        name="bob",
    )
    assert hive.answer("bob") == "done"
    hive.run(
        "report([open('/agents/bob/state/deep/er/note').read(), write('/agents/bob/state/deep/er/new')])",
        name=MANAGER,
        children=("bob",),
    )
    assert hive.answer(MANAGER) == ["x", "done"]


def test_a_child_that_is_gone_does_not_keep_the_manager_from_starting(hive: Hive) -> None:
    hive.run("report(os.listdir('/agents'))", name=MANAGER, children=("ghost",))
    assert hive.answer(MANAGER) == [MANAGER]
