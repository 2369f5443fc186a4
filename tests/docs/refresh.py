"""`python -m tests.docs.refresh`: make the generated parts of the documents again."""

from tests.docs.generated import files
from tests.docs.pages import ROOT


def main() -> None:
    for path, text in files().items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"refreshed {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
