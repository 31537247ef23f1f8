"""What a number can lead to: one file, one coroutine each."""
