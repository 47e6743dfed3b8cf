"""``python -m deploystack``: serve."""

from .server import main

if __name__ == "__main__":
    main()
