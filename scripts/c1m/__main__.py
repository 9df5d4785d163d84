"""Entry of `python -m c1m`. Not here: the commands, which cli.py holds."""

from c1m.cli import main

if __name__ == "__main__":
    main()
