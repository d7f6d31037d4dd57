//! A local emulator of the DinoAI agents API.
