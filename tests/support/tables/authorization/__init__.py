"""The authorisation of every field and mutation for every kind of client.

The tables restate the policy independently; `tests.schema.test_authorization` compares them with
the service and the schema.
"""
