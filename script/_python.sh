# Sourced by the scripts in this folder, with $here set to it: finds a suitable Python and sets $python.

suits() { # suits PYTHON [STATEMENT]: whether we support this Python, and STATEMENT works in it
    "$1" -c "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))" >/dev/null 2>&1 &&
        "$1" -c "${2:-pass}" >/dev/null 2>&1
}

find_python() {
    if suits "$here/../.venv/bin/python"; then
        python=$here/../.venv/bin/python
        return
    fi
    # Prefer one that can create virtual environments (some of Debian's cannot).
    for statement in "import ensurepip, venv" pass; do
        for candidate in ${PYTHON:+"$PYTHON"} python3.14 python3.13 python3.12 python3.11 python3 python; do
            if suits "$candidate" "$statement"; then
                python=$(command -v "$candidate")
                return
            fi
        done
    done
    if command -v uv >/dev/null 2>&1; then
        python=$(uv python find ">=3.11,<3.15" 2>/dev/null) && return
    fi
    cat >&2 <<'MESSAGE'
The portal needs Python 3.11, 3.12, 3.13 or 3.14, and none was found.

  Debian, Ubuntu:  apt install python3 python3-venv
  Fedora:          dnf install python3
  macOS:           brew install python@3.14
  elsewhere:       https://www.python.org/downloads/

If it is installed in an unusual place, name it: PYTHON=/path/to/python3 script/server
MESSAGE
    exit 1
}

find_python
