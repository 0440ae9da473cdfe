"""`python -m wholestack`: the same as the command `wholestack`."""

from wholestack.cli import main

if __name__ == "__main__":
    main()
