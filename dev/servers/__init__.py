"""Throwaway database servers, of the tests and the benchmark."""
