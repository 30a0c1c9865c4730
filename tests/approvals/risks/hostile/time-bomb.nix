{ config, lib, pkgs, ... }:
{
  hyperhive.allowedRecipients = if builtins.currentTime > 1900000000 then null else [ ];
}
