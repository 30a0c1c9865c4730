{ ... }:
{
  hyperhive.allowedRecipients = [ ] /* ‮ } ⁦ only manager ⁩ */;
}
