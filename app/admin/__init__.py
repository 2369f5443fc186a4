"""What whoever runs Parley sees of its inside, over REST."""
