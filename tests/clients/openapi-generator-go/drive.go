// Makes a pet, follows it to its resource, reserves it by the generic door, lists pets and reads the feed, with the
// client that OpenAPI Generator makes of the document for Go. The server's address is the only argument.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	wilco "drive/wilco_client"
)

var (
	ctx    context.Context
	client *wilco.APIClient
)

// The program ends at the first thing that is not as it should be.
func check(holds bool, format string, args ...any) {
	if !holds {
		fmt.Fprintf(os.Stderr, "drive.go: "+format+"\n", args...)
		os.Exit(1)
	}
}

func succeeded(err error) {
	var refusal *wilco.GenericOpenAPIError
	if errors.As(err, &refusal) {
		check(false, "%v: %s", err, refusal.Body())
	}
	check(err == nil, "%v", err)
}

func create() *wilco.CommandStatus {
	pet := wilco.NewPetCreateRequest("dog", "Goya")
	pet.SetPrice(*wilco.NewMoney(12500, wilco.CURRENCY_EUR))
	command, response, err := client.PetsAPI.CreatePet(ctx).PetCreateRequest(*pet).Execute()
	succeeded(err)
	check(response.StatusCode == http.StatusAccepted, "created with %s", response.Status)
	return command
}

func settled(id string) *wilco.CommandStatus {
	for {
		command, _, err := client.CommandsAPI.GetCommand(ctx, id).Redirect(false).Execute()
		succeeded(err)
		if command.Status != wilco.PHASE_PENDING && command.Status != wilco.PHASE_RUNNING {
			return command
		}
		check(ctx.Err() == nil, "the command is still %s", command.Status)
		time.Sleep(20 * time.Millisecond)
	}
}

func show(id string) {
	pet, _, err := client.PetsAPI.GetPet(ctx, id).Execute()
	succeeded(err)
	check(pet.Id == id && pet.Name == "Goya" && pet.Category == "dog" && pet.Version == 1, "%+v", pet)
	check(pet.Status == wilco.PETSTATUS_AVAILABLE, "it is %s", pet.Status)
	price := pet.Price.Get()
	check(price != nil && price.Amount == 12500 && price.Currency == wilco.CURRENCY_EUR, "it costs %+v", price)
}

func reserve(id string) {
	envelope := wilco.NewCommandEnvelope("pet.reserve")
	envelope.SetTarget(id)
	envelope.SetData(map[string]any{"order_id": "order-1"})
	command, _, err := client.CommandsAPI.SubmitCommand(ctx).CommandEnvelope(*envelope).Prefer("wait=10").Execute()
	succeeded(err)
	check(command.Status == wilco.PHASE_SUCCEEDED && command.GetVersion() == 2, "%+v", command)
}

func list(id string) {
	var seen []string
	request := client.PetsAPI.ListPets(ctx).Limit(1)
	for {
		page, _, err := request.Execute()
		succeeded(err)
		for _, pet := range page.Items {
			seen = append(seen, pet.Id)
		}
		cursor := page.GetNextCursor()
		if cursor == "" {
			break
		}
		request = request.Cursor(cursor)
	}
	check(strings.Count(strings.Join(seen, " "), id) == 1, "%s is not there once: %v", id, seen)
}

func feed(id string) {
	target := "pet/" + id
	request := client.FeedAPI.ReadFeed(ctx).Target(target)
	page, _, err := request.After("start").Execute()
	succeeded(err)
	check(len(page.Items) >= 2, "%d messages about %s", len(page.Items), target)
	for i, want := range []string{"wilco.pet.created", "wilco.command.succeeded"} {
		heard := page.Items[i]
		check(heard.Type == want && heard.Subject == target, "heard %s of %s", heard.Type, heard.Subject)
	}
	next, _, err := request.After(page.NextCursor).Execute()
	succeeded(err)
	check(len(next.Items) == 0, "heard again: %+v", next.Items)
}

func refused() {
	_, _, err := client.PetsAPI.GetPet(ctx, "no-such-pet").Execute()
	var refusal *wilco.GenericOpenAPIError
	check(errors.As(err, &refusal), "a pet that is not there: %v", err)
	problem, typed := refusal.Model().(wilco.Problem)
	check(typed && problem.Type == "/problems/not-found" && problem.Status == 404, "refused with %+v", refusal.Model())
}

func main() {
	check(len(os.Args) == 2, "usage: drive URL")
	bounded, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ctx = bounded
	configuration := wilco.NewConfiguration()
	configuration.Servers = wilco.ServerConfigurations{{URL: os.Args[1]}}
	client = wilco.NewAPIClient(configuration)

	command := settled(create().Id)
	check(command.Status == wilco.PHASE_SUCCEEDED && command.GetVersion() == 1, "%+v", command)
	id := command.Target.Id
	check(command.GetResource() == "/v1/pets/"+id, "the resource is %s", command.GetResource())
	show(id)
	reserve(id)
	list(id)
	feed(id)
	refused()
}
