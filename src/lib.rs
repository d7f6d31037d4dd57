//! Typed client for the DinoAI programmable agents of Paradime.
