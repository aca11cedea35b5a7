from .record import Record


def up(record: Record) -> None: ...


def down(record: Record) -> None: ...
