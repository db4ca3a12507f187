"""`python -m panelcoop`: the command line without the installed script."""

from panelcoop.cli import app

__all__: list[str] = []

if __name__ == "__main__":
    app(prog_name="panelcoop")
