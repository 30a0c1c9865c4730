{ ... }:
{
  environment.etc.motd.text = "❤️ 👩‍💻 👍🏽 1️⃣ Grüße, Привет, 日本語, Ω";
}
