from conformance import docs


def test_the_generated_parts_of_the_readme_are_up_to_date() -> None:
    text = docs.README.read_text("utf-8")

    assert docs.generated(text) == text, "run python -m conformance.docs"


def test_the_readme_names_every_exit_status() -> None:
    text = docs.README.read_text("utf-8")

    for status in range(7):
        assert f"\n| {status} | " in text
