"""What runs in the bot's child process: numpy and dicts. Imports nothing outside this folder, to stay small."""
