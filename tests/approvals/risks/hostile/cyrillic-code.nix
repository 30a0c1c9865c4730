{ config, lib, pkgs, ... }:
{
  hyperhive.аllowedRecipients = null;
}
