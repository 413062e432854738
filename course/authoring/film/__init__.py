"""The film of a lesson's start page: a story from a simulator, drawn frame by frame, with captions and transcript."""
