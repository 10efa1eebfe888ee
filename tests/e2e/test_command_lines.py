"""Both programs' command lines: help of every command, what was meant, completion in real shells."""
import os
import shutil
import subprocess

import pytest
from peer import BIN, until
from terminal import Shell

PROGRAMS = ("ipfs-cluster-ctl", "ipfs-cluster-service")


def run(program, *args, **kwargs):
    return subprocess.run([BIN / program, *args], text=True, capture_output=True, timeout=60, **kwargs)


def offered(program, *words):
    """(word, description) of what can stand in the last one's place."""
    lines = run(program, "__complete", *words).stdout.splitlines()[1:]
    return [tuple(line.split("\t")) if "\t" in line else (line, "") for line in lines]


def commands_of(program, path=()):
    """Every command that the program offers, groups too."""
    yield path
    for word, description in offered(program, *path, ""):
        if description and word != "help":
            yield from commands_of(program, (*path, word))


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_of_every_command(program):
    paths = list(commands_of(program))
    assert len(paths) > (35 if program == "ipfs-cluster-ctl" else 15), paths
    for path in paths:
        text = run(program, *path, "--help")
        assert text.returncode == 0 and text.stdout.startswith("NAME:"), (path, text)
        assert all(len(line) <= 120 for line in text.stdout.splitlines()), (path, text.stdout)
        options = offered(program, *path, "--")
        assert options
        for option, description in options:
            assert description, (path, option)
            assert option in text.stdout, (path, option)
        assert run(program, *path, "-h").stdout == text.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_does_not_exist_is_refused(program):
    for path in commands_of(program):
        wrong = run(program, *path, "--no-such-option")
        assert wrong.returncode == 1, (path, wrong)
        mark = ":" if path else "."
        assert wrong.stdout.startswith(f"Incorrect Usage{mark} flag provided but not defined: -no-such-option\n\nNAME:"), path
        if path and dict(offered(program, *path, "")).get("help"):
            wrong = run(program, *path, "no-such-command")
            assert (wrong.returncode, wrong.stdout, wrong.stderr) == (3, "", "No help topic for 'no-such-command'\n"), path


def test_what_was_meant_is_said():
    typo = run("ipfs-cluster-ctl", "stauts")
    assert (typo.returncode, typo.stderr) == (3, "No help topic for 'stauts'\ndid you mean \"status\"?\n")
    assert run("ipfs-cluster-ctl", "pin", "ls", "--limt", "3").stderr == "did you mean --limit?\n"
    assert "stands before the command" in run("ipfs-cluster-ctl", "pin", "ls", "--enc", "json").stderr
    typo = run("ipfs-cluster-service", "demon")
    assert typo.returncode == 1 and typo.stderr.endswith("did you mean \"daemon\"?\n") and "COMMANDS:" in typo.stdout


def programs_in(folder):
    """Programs of the same names that only note what they are called with, unless they are asked for completion."""
    bin = folder / "bin"
    bin.mkdir()
    for program in PROGRAMS:
        (bin / program).write_text(f"""#!/bin/sh
case "$1" in __complete|completion) exec '{(BIN / program).absolute()}' "$@" ;; esac
for word in "$@"; do printf '%s\\n' "$word"; done > '{folder}/called.new'
mv '{folder}/called.new' '{folder}/called'
""")
        (bin / program).chmod(0o755)
    return bin


class TypedInto:
    """A shell with the completion of both programs."""

    ALL = "\x18*"  # inserts all candidates

    def __init__(self, name, folder):
        self.folder = folder
        self.called = folder / "called"
        env = {**os.environ, "PATH": f"{programs_in(folder)}:{os.environ['PATH']}", "HOME": str(folder), "TERM": "xterm",
               "ZDOTDIR": str(folder), "PS1": "> ", "HISTFILE": ""}
        load = "".join(f"source <({program} completion {name})\n" for program in PROGRAMS)
        if name == "bash":
            (folder / "rc").write_text(f"{load}bind '\"\\C-x*\": insert-completions'\nbind 'set enable-bracketed-paste off'\n")
            args = ["bash", "--noprofile", "--rcfile", str(folder / "rc"), "-i"]
        else:
            (folder / ".zshrc").write_text(f"""autoload -U compinit && compinit -u -D
{load}bindkey -e
zle -C all-matches complete-word _generic
bindkey '^X*' all-matches
zstyle ':completion:all-matches:*' completer _all_matches _complete
zstyle ':completion:all-matches:*' insert true
unset zle_bracketed_paste
""")
            args = ["zsh", "-d", "-i"]
        self.shell = Shell(args, env, folder)
        assert self.words("ipfs-cluster-ctl ready") == ["ready"]

    def words(self, line):
        """What the program is called with when that is typed."""
        self.called.unlink(missing_ok=True)
        self.shell.type(line + "\r")
        try:
            until(self.called.exists, "the program is called", 60)
        except AssertionError:
            raise AssertionError(f"{line!r}:\n{self.shell.screen()}") from None
        return self.called.read_text().splitlines()


CASES = [
    ("ipfs-cluster-ctl pi\tls", ["pin", "ls"]),
    ("ipfs-cluster-ctl heal\tmet\tfreespace", ["health", "metrics", "freespace"]),
    ("ipfs-cluster-ctl --enc j\tid", ["--enc", "json", "id"]),
    ("ipfs-cluster-ctl --enc=j\tid", ["--enc=json", "id"]),
    ("ipfs-cluster-ctl pin ls --sort na\t", ["pin", "ls", "--sort", "name"]),
    ("ipfs-cluster-ctl pin ls --name-p\tx", ["pin", "ls", "--name-prefix", "x"]),
    ("ipfs-cluster-ctl pin add --mode=d\t", ["pin", "add", "--mode=direct"]),
    ("ipfs-cluster-ctl status --filter pinned,pin_e\t", ["status", "--filter", "pinned,pin_error"]),
    ("ipfs-cluster-ctl status --filter=pinned,rem\t", ["status", "--filter=pinned,remote"]),
    ("ipfs-cluster-ctl peers role 12D3A vo\t", ["peers", "role", "12D3A", "voter"]),
    ("ipfs-cluster-ctl add some-f\t", ["add", "some-file"]),
    ("ipfs-cluster-ctl health graph --file=some-f\t", ["health", "graph", "--file=some-file"]),
    ("ipfs-cluster-service --loglevel cluster:wa\t daemon", ["--loglevel", "cluster:warn", "daemon"]),
    ("ipfs-cluster-service --config=some-d\t", ["--config=some-directory"]),
    ("ipfs-cluster-service state imp\tsome-f\t", ["state", "import", "some-file"]),
    ("ipfs-cluster-service init --ipfs k\t", ["init", "--ipfs", "kubo"]),
]
ALL = [
    ("ipfs-cluster-ctl health ", ["alerts", "bandwidth", "graph", "help", "metrics"]),
    ("ipfs-cluster-ctl --enc ", ["json", "text"]),
    ("ipfs-cluster-ctl status --l", ["--local"]),
    ("ipfs-cluster-service state ", ["cleanup", "export", "help", "import", "recover", "upgrade", "version"]),
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "some-file").write_text("")
    (tmp_path / "some-directory").mkdir()
    return tmp_path


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_completion_in_a_shell_that_is_typed_into(name, folder):
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    typed = TypedInto(name, folder)
    try:
        for line, words in CASES:
            assert [word.removesuffix("/") for word in typed.words(line)] == words, line  # of a folder: zsh takes it away
        for line, words in ALL:
            before = len(line.split()) - (1 if line.endswith(" ") else 2)
            assert sorted(typed.words(line + TypedInto.ALL)[before:]) == words, line
    finally:
        typed.shell.close()


def test_completion_in_fish(folder):
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    env = {**os.environ, "PATH": f"{programs_in(folder)}:{os.environ['PATH']}", "HOME": str(folder)}

    def candidates(line):
        script = "".join(f"{program} completion fish | source\n" for program in PROGRAMS) + "complete -C $argv[1]"
        shell = subprocess.run(["fish", "--no-config", "-c", script, line], text=True, capture_output=True, env=env, cwd=folder, timeout=60)
        assert shell.returncode == 0 and not shell.stderr, shell
        return sorted(word.split("\t")[0] for word in shell.stdout.splitlines())

    for line, words in ALL:
        assert candidates(line) == words, line
    for line, words in CASES:
        typed, _, rest = line.partition("\t")
        if "\t" in rest.rstrip("\t"):
            continue  # typed in several steps
        program, *called = typed.split()
        assert [word.removesuffix("/") for word in candidates(typed)] == [words[len(called) - 1]], line
