"""The reading side: one account, its images, and the questions asked of them."""
