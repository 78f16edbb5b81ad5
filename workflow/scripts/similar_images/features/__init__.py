"""The features of all contents, extracted once and kept in one store."""
