"""`python -m cli`: what the installed `squall` runs."""

from cli.main import main

if __name__ == "__main__":
    main()
