{ config, lib, pkgs, ... }:
{
  hyperhive.extraMcpServers.x.url = "https://аpple.com";
}
