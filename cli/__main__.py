"""`python -m cli`, which the installed `squall` command runs."""

from cli.main import main

if __name__ == "__main__":
    main()
