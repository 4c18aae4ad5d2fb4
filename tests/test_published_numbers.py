"""Published numbers: each is one, with its place."""

from sharp.published import published_numbers


def test_published_numbers_are_published():
    numbers = published_numbers()
    assert len(numbers) > 50
    assert all(number.provenance.status == "published" for number in numbers.values())
