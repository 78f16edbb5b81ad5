"""The features of all photos, extracted once and kept in one store."""
