"""What an operator writes: flowward.yaml, estate.yaml, and the keys the gateway keeps for itself."""
