"""`LabelStore`: judgements in a database, to which entries are only added.

The database is a file (SQLite: write-ahead log, synchronous FULL) or on a PostgreSQL server. When `append` returns, the
entry is on the disk: it survives a killed process and a loss of power. Two keys of the table decide what is stored: an
entry that is sent twice is stored once, and of two entries for one place in a session only the first is stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    event,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError

from rmlab.labels.judgements import Judgement

__all__ = ["LabelStore", "PlaceTakenError", "StoreError"]

SCHEMA_VERSION = 1
SECONDS_FOR_A_LOCK = 5
METADATA = MetaData()
ABOUT = Table("rmlab_store", METADATA, Column("schema_version", Integer, primary_key=True, autoincrement=False))
ENTRIES = Table(
    "rmlab_judgements",
    METADATA,
    Column("session", String, primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("key", String, nullable=False),
    Column("showing", Integer, nullable=False),
    Column("rater", String, nullable=False, index=True),
    Column("pair", String, nullable=False),
    Column("swapped", Boolean, nullable=False),
    Column("verdict", String, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("rule", String, nullable=False),
    Column("time", String, nullable=False),
    Column("version", String, nullable=False),
    UniqueConstraint("session", "key"),
)
_IN_WORDS = {
    "database is locked": "another program holds it. Close that program, and try again",
    "disk is full": "the disk is full. What was stored before is safe; make room, and try again",
    "file is not a database": "it is not a store of labels. Name another file",
    "readonly database": "it cannot be written. Change its permissions, or name another file",
    "unable to open": "it cannot be opened. Its folder must exist, and be yours to write to",
}


class StoreError(ValueError):
    """A store that cannot be used, or cannot be reached; the text says why and what to do."""


class PlaceTakenError(ValueError):
    """Another entry has the place of this one in its session, perhaps from a second tab."""


class LabelStore:
    """Judgements in a database; entries are added and read, and never changed.

    Parameters
    ----------
    where
        A file, which is created if it is missing, or an address such as ``postgresql://user:password@host/database``.

    Raises
    ------
    StoreError
        If it cannot be opened, is another kind of database, or was written by a later version.
    """

    def __init__(self, where: str | Path):
        url = _url(where)
        self.name = url.database or "" if url.get_backend_name() == "sqlite" else url.render_as_string()
        try:
            self._engine = create_engine(url, connect_args=_connection_options(url))
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise StoreError(
                f"{self.name}: {error}. Use a file, or postgresql://... with the postgres extra: "
                "python -m pip install 'reward-model-lab[postgres]'"
            ) from error
        if url.get_backend_name() == "sqlite":
            event.listen(self._engine, "connect", _synchronise)
        try:
            with self._in_words():
                self._open()
        except StoreError:
            self.close()
            raise

    def __enter__(self) -> LabelStore:
        """Return the store, which is closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections; a later call opens them again."""
        self._engine.dispose()

    def append(self, *entries: Judgement) -> int:
        """Store entries, all or none, and return how many were new. When this returns, they are on the disk.

        Raises
        ------
        PlaceTakenError
            If another entry has the place of one in its session.
        StoreError
            If they cannot be stored, such as on a full disk. If sent again with the same keys, they are stored once.
        """
        new = list(entries)
        with self._in_words():
            while new:
                try:
                    with self._engine.begin() as connection:
                        connection.execute(insert(ENTRIES), [asdict(entry) for entry in new])
                    return len(new)
                except IntegrityError:
                    known = self._known(new)
                    if not known:
                        raise
                    new = [entry for entry in new if (entry.session, entry.key) not in known]
        return 0

    def judgements(self, session: str | None = None) -> list[Judgement]:
        """Return every entry, or those of one session, ordered by session and position."""
        query = select(ENTRIES).order_by(ENTRIES.c.session, ENTRIES.c.position)
        if session is not None:
            query = query.where(ENTRIES.c.session == session)
        with self._in_words(), self._engine.connect() as connection:
            return [Judgement(**row) for row in connection.execute(query).mappings()]

    def count(self) -> int:
        """Return the number of entries."""
        with self._in_words(), self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(ENTRIES)).scalar_one()

    def raters(self) -> list[str]:
        """Return the names of all raters who judged, sorted."""
        with self._in_words(), self._engine.connect() as connection:
            return sorted(connection.execute(select(ENTRIES.c.rater).distinct()).scalars())

    def last_session(self, rater: str) -> str | None:
        """Return the session in which this rater judged last; None for a rater who has not."""
        query = select(ENTRIES.c.session).where(ENTRIES.c.rater == rater)
        query = query.order_by(ENTRIES.c.time.desc(), ENTRIES.c.position.desc()).limit(1)
        with self._in_words(), self._engine.connect() as connection:
            return connection.execute(query).scalar_one_or_none()

    def _known(self, entries: Sequence[Judgement]) -> set[tuple[str, str]]:
        """Return session and key of entries that are stored already. Raises PlaceTakenError if a place is taken."""
        known = set()
        with self._engine.connect() as connection:
            for entry in entries:
                here = (ENTRIES.c.position == entry.position) | (ENTRIES.c.key == entry.key)
                query = select(ENTRIES).where(ENTRIES.c.session == entry.session, here)
                for row in connection.execute(query).mappings():
                    if not _same(Judgement(**row), entry):
                        raise PlaceTakenError(
                            f"session {entry.session} has another entry {row['position']}, of showing {row['showing']}"
                        )
                    known.add((entry.session, entry.key))
        return known

    def _open(self) -> None:
        """Check that this is a store of a known version, or make a new one if there are no tables."""
        tables = inspect(self._engine).get_table_names()
        if not tables:
            self._make()
        elif ABOUT.name not in tables:
            raise StoreError(f"{self.name}: it is another kind of database, with a table {tables[0]}. Name another")
        with self._engine.connect() as connection:
            version = connection.execute(select(func.max(ABOUT.c.schema_version))).scalar_one()
        if version is None:
            raise StoreError(
                f"{self.name}: this store has no version, so it is damaged. Restore a copy, or name another"
            )
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{self.name}: this store has version {version}, and this rmlab reads up to {SCHEMA_VERSION}. "
                "Install a newer rmlab"
            )

    def _make(self) -> None:
        try:
            with self._engine.connect() as connection:
                if self._engine.dialect.name == "sqlite":
                    connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            with self._engine.begin() as connection:  # the tables and their version together
                METADATA.create_all(connection)
                connection.execute(insert(ABOUT), [{"schema_version": SCHEMA_VERSION}])
        except DBAPIError:  # another process may have made it meanwhile
            if ABOUT.name not in inspect(self._engine).get_table_names():
                raise

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        """Raise an error of the database as a StoreError."""
        try:
            yield
        except DBAPIError as error:
            said = str(error.orig).strip()
            words = next((words for sign, words in _IN_WORDS.items() if sign in said), said.split("\n")[0])
            raise StoreError(f"{self.name}: {words}") from error


def _url(where: str | Path) -> URL:
    if not str(where).strip():
        raise StoreError("the store has no name, and its labels would be lost; name a file")
    if "://" not in str(where):
        return URL.create("sqlite", database=str(where))
    try:
        url = make_url(str(where))
    except (ArgumentError, ValueError) as error:  # neither text holds a password
        raise StoreError(f"the address of the store cannot be read: {error}") from error
    return url.set(drivername="postgresql+psycopg") if url.get_backend_name() == "postgresql" else url


def _connection_options(url: URL) -> dict[str, Any]:
    name = "timeout" if url.get_backend_name() == "sqlite" else "connect_timeout"
    return {name: SECONDS_FOR_A_LOCK}


def _synchronise(connection: Any, _record: object) -> None:
    """Have SQLite wait for the disk at each commit, write-ahead log included."""
    connection.execute("PRAGMA synchronous = FULL")


def _same(one: Judgement, other: Judgement) -> bool:
    """Return whether two entries say the same; the time is when each attempt was made."""
    return all(getattr(one, f.name) == getattr(other, f.name) for f in fields(Judgement) if f.name != "time")
