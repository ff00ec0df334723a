"""What the report claims of a comparison, and why: findings, verdict, alerts."""
