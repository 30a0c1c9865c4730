"""`acp`: any agent that speaks the Agent Client Protocol on stdin and stdout, such as Gemini, Codex or OpenCode."""
