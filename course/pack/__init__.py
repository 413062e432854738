"""The way of a lesson to the student and back: pack, start, place, submit, take in."""
