"""import_pandas.py - an import of many modules."""
import pandas  # noqa: F401  pylint: disable=unused-import
