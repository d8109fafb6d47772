"""What tests share: a studio, its judge, processes, the service. No tests."""
