"""The loop of a week, and digests by subscription."""
