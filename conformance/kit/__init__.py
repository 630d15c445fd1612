"""What the tests of the gate stand on: catalogue, settings, client, evidence, judgement."""
